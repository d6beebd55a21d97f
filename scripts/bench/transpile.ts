import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

/** Every TypeScript file under a folder. */
export function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
}

/**
 * Compiles folders of the repository file by file into another place, the way jsii does.
 *
 * What is measured is then plain node running what would be published, whether or not `dist` is there or up to date. Not tsx: its
 * source maps make every stack trace that CDK takes expensive. Not a bundle: that would hide the cost of many files.
 */
export function transpile(root: string, folders: readonly string[], out: string): void {
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
  for (const file of folders.flatMap((folder) => sources(join(root, folder)))) {
    const target = join(out, file.slice(root.length)).replace(/\.ts$/, '.js');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, transpileModule(readFileSync(file, 'utf8'), { compilerOptions, fileName: file }).outputText);
  }
  // found where the repository has them, and by node under their real paths.
  for (const folder of ['node_modules', 'dist']) symlinkSync(join(root, folder), join(out, folder), 'junction');
}
