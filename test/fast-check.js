// Stands for fast-check in every test (by its file, or it would stand for itself): one seed for all of them, so that a commit passes or fails and does not do both.
// PROPERTY_SEED=random looks further, PROPERTY_SEED=<number> repeats what that found.
const fastCheck = require('../node_modules/fast-check/lib/cjs/fast-check.js');

const { PROPERTY_SEED = '20250129' } = process.env;
if (PROPERTY_SEED !== 'random') fastCheck.configureGlobal({ ...fastCheck.readConfigureGlobal(), seed: Number(PROPERTY_SEED) });

module.exports = fastCheck;
