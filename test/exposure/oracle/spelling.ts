export type Json = { readonly [key: string]: unknown };

export const ref = (logicalId: string): Json => ({ Ref: logicalId });
export const att = (logicalId: string, attribute: string): Json => ({ 'Fn::GetAtt': [logicalId, attribute] });

/** Ways of writing the same, chosen by a number. */
export class Spelling {
  private readonly parameters: Record<string, unknown> = {};
  private readonly mappings: Record<string, unknown> = {};
  private count = 0;

  /** With 0 everything is written in the plainest way. */
  constructor(private state: number) {}

  /** One of several, the first being the plainest. */
  choose<T>(...ways: readonly [T, ...T[]]): T {
    return ways[this.next() % ways.length] ?? ways[0];
  }

  chance(): boolean {
    return this.choose(false, true);
  }

  number(value: number): unknown {
    return this.choose<unknown>(value, String(value), this.rarely(() => this.parameter('Number', value)) ?? value);
  }

  flag(value: boolean): unknown {
    return this.choose<unknown>(value, String(value));
  }

  text(value: string): unknown {
    return this.rarely(() => this.choose<() => unknown>(() => value, () => this.parameter('String', value), () => this.substituted(value), () => this.joined(value), () => this.mapped(value), () => this.conditional(value))()) ?? value;
  }

  /** A switch, left out sometimes when it says what is so anyway. */
  optional(property: Readonly<Record<string, boolean>>, usual: boolean): Json {
    return Object.fromEntries(Object.entries(property).filter(([, value]) => value !== usual || this.chance()).map(([name, value]) => [name, this.flag(value)]));
  }

  /** The same in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    if (this.state === 0) return [...list];
    return list.map((each) => ({ each, rank: this.next() })).sort((a, b) => a.rank - b.rank).map(({ each }) => each);
  }

  /** The sections besides the resources that the ways chosen need. */
  sections(): Json {
    return { Parameters: this.parameters, Mappings: this.mappings, Conditions: { Yes: { 'Fn::Equals': ['a', 'a'] }, No: { 'Fn::Not': [{ Condition: 'Yes' }] } } };
  }

  private rarely<T>(way: () => T): T | undefined {
    return this.next() % 4 === 3 ? way() : undefined;
  }

  private parameter(Type: string, value: string | number): unknown {
    const name = `Value${this.count++}`;
    this.parameters[name] = { Type, Default: value };
    return ref(name);
  }

  private substituted(value: string): unknown {
    const [head = '', tail = ''] = value.split('/');
    return { 'Fn::Sub': [`\${Base}/${tail}`, { Base: head }] };
  }

  private joined(value: string): unknown {
    return { 'Fn::Join': ['/', value.split('/')] };
  }

  private mapped(value: string): unknown {
    const name = `Map${this.count++}`;
    this.mappings[name] = { Some: { Value: value } };
    return { 'Fn::FindInMap': [name, 'Some', 'Value'] };
  }

  private conditional(value: string): unknown {
    return this.choose({ 'Fn::If': ['Yes', value, '10.9.8.7/32'] }, { 'Fn::If': ['No', '0.0.0.0/0', value] });
  }

  /** https://en.wikipedia.org/wiki/Xorshift, which stays 0 when it starts so. */
  private next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 8) & 0xffff;
  }
}
