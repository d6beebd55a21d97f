/**
 * Where things are mounted, of what matters to one device and one directory.
 *
 * - `here`: the device, and nothing else, is mounted there and nowhere else.
 * - `elsewhere`: the device is mounted at `path`, or only a part of it is.
 * - `taken`: something else is mounted there.
 */
export type Mounted =
  | { readonly at: 'nowhere' }
  | { readonly at: 'here'; readonly options: readonly string[] }
  | { readonly at: 'elsewhere'; readonly path: string }
  | { readonly at: 'taken'; readonly by: string };

interface Mount {
  readonly number: string;
  readonly root: string;
  readonly path: string;
  readonly options: readonly string[];
  readonly source: string;
}

/**
 * Reads it from the text of /proc/self/mountinfo. Devices are compared by their number: a name in there may be any of several.
 * https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
export function mountedAs(mountinfo: string, mountPoint: string, number: string | undefined): Mounted {
  const mounts = mountinfo.split('\n').flatMap(mountIn);
  const other = mounts.find((each) => each.path === mountPoint && each.number !== number);
  if (other !== undefined) return { at: 'taken', by: other.source };
  const ours = mounts.filter((each) => each.number === number);
  const astray = ours.find((each) => each.path !== mountPoint || each.root !== '/');
  if (astray !== undefined) return { at: 'elsewhere', path: astray.path };
  const here = ours.at(-1);
  return here === undefined ? { at: 'nowhere' } : { at: 'here', options: here.options };
}

function mountIn(line: string): Mount[] {
  // the number of optional fields differs, a hyphen ends them.
  const [before = '', after = ''] = line.split(' - ', 2);
  const [, , number, root, path, options] = before.split(' ');
  const [, source = '', ofAll = ''] = after.split(' ');
  if (number === undefined || root === undefined || path === undefined || options === undefined) return [];
  return [{ number, root: plain(root), path: plain(path), options: [...options.split(','), ...ofAll.split(',')], source: plain(source) }];
}

/** Whether anything is mounted there. */
export function isMountPoint(mountinfo: string, path: string): boolean {
  return mountinfo.split('\n').flatMap(mountIn).some((each) => each.path === path);
}

/** Spaces and the like are written as octal numbers. */
function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
