// the CDK's own template validator takes 3 s once a file and does not concern our packs; `cdk synth` and cfn-lint run in CI and in synth.test.ts.
process.env.CDK_VALIDATION ??= 'false';
