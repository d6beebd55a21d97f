import awscdk from 'eslint-plugin-awscdk';
import tseslint from 'typescript-eslint';

// what each folder may not import: the arrows of the architecture (docs/decisions.md).
const pure = ['aws-cdk-lib', 'aws-cdk-lib/*', 'constructs', 'cdk-nag', '@aws-sdk/*', '*/cluster/*', '*/checks/*', '*/agent/*', '*/handlers/*'];
const onMachines = ['aws-cdk-lib', 'aws-cdk-lib/*', 'constructs', 'cdk-nag', '*/cluster/*', '*/checks/*'];
const restrict = (files, patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
});

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'cdk.out/**', '**/*.js', '**/*.mjs', '**/*.d.ts'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: './test/tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['lib/**/*.ts'],
    plugins: awscdk.configs.recommended.plugins,
    // its `construct-constructor-property` rejects the `props = {}` that aws-cdk-lib itself uses.
    rules: { ...awscdk.configs.recommended.rules, 'awscdk/construct-constructor-property': 'off' },
  },
  restrict(['lib/config/**/*.ts', 'lib/pki/**/*.ts'], pure),
  restrict(['lib/agent/**/*.ts', 'lib/handlers/**/*.ts'], onMachines),
  restrict(['lib/exposure/**/*.ts'], [...pure, '*/cli/*', '*/report/*']),
  restrict(['lib/report/**/*.ts', 'lib/cli/**/*.ts'], ['aws-cdk-lib', 'aws-cdk-lib/*', 'constructs', 'cdk-nag', '@aws-sdk/*', '*/cluster/*', '*/agent/*', '*/handlers/*']),
  // a user is declared for a cluster, so its type is known there; what a cluster does is not.
  restrict(['lib/auth/**/*.ts', 'lib/observability/**/*.ts', 'lib/tls/**/*.ts'], [{ group: ['*/cluster/*', '*/agent/*', '*/handlers/*', '*/checks/*'], allowTypeImports: true }]),
  restrict(['lib/checks/**/*.ts'], ['*/cluster/*', '*/agent/*', '*/handlers/*']),
  { files: ['scripts/**/*.ts', 'lib/agent/main.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
);
