// docs/corpus.md: what this tool and two others say of every case. Written by `npm run corpus-table`, and compared by table.test.ts.
import { AWS_SOLUTIONS, AWS_SOLUTIONS_VERSIONS } from './aws-solutions';
import { CHECKOV } from './checkov';
import type { Opinion, Row } from './rows';
import type { Count } from './summary';
import { count, exposedPairs, labelled, toldApart, TOOLS } from './summary';

const NONE = '–';
const TOOL_NAMES = ['this tool', 'AwsSolutions', 'checkov'];

/** Words as they are, whatever Markdown makes of their characters. */
const plain = (words: string): string => words.replace(/[\\|<>*`]/g, '\\$&');
const upper = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
const line = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

function table(head: readonly string[], body: readonly string[]): string {
  return [line(...head), line(...head.map(() => '---')), ...body].join('\n');
}

function list(entries: ReadonlyMap<string, string>): string {
  return [...entries].map(([id, meaning]) => `- \`${id}\`: ${meaning}`).join('\n');
}

function counted({ flagged, crashed }: Count): string {
  return crashed === 0 ? String(flagged) : `${flagged} (${crashed} by a crash alone)`;
}

/** The numbers, of all cases. */
function totals(rows: readonly Row[]): string {
  const pairs = exposedPairs(rows);
  const flagged = (what: string, opinions: readonly Opinion[]): string => line(what, opinions.length, ...TOOLS.map((tool) => counted(count(opinions, tool))));
  return table(
    ['', 'of', ...TOOL_NAMES],
    [
      flagged('exposed cases that it flags', pairs.map(({ original }) => original)),
      flagged('private twins of those that it flags as well', pairs.map(({ twin }) => twin)),
      line('**pairs it tells apart**: flags the case, leaves the twin alone', pairs.length, ...TOOLS.map((tool) => `**${toldApart(pairs, tool)}**`)),
      flagged('all exposed templates that it flags', labelled(rows, 'exposed')),
      flagged('all private templates that it flags', labelled(rows, 'private')),
      flagged('templates that do not tell, that it flags; this tool says `unknown` of them, an error of its own', labelled(rows, 'unknown')),
      flagged('templates without ClickHouse that it flags', labelled(rows, 'none')),
    ],
  );
}

/** The same by layer, for those that have exposed cases. */
function byLayer(layers: ReadonlyMap<string, readonly Row[]>): string {
  const body = [...layers].flatMap(([layer, rows]) => {
    const pairs = exposedPairs(rows);
    const numbers = TOOLS.flatMap((tool) => [count(pairs.map(({ original }) => original), tool).flagged, count(pairs.map(({ twin }) => twin), tool).flagged, toldApart(pairs, tool)]);
    return pairs.length === 0 ? [] : [line(plain(layer), pairs.length, ...numbers)];
  });
  return table(['layer', 'pairs', ...TOOL_NAMES.flatMap((name) => [name, 'twin', 'told apart'])], body);
}

function awsSolutions(opinion: Opinion | undefined): string {
  if (opinion === undefined) return '';
  const { found, threw } = opinion.awsSolutions;
  return [...found, ...threw.map((id) => `${id} crashed`)].join(', ') || NONE;
}

function checkov(opinion: Opinion | undefined): string {
  return opinion === undefined ? '' : opinion.checkov.join(', ') || NONE;
}

function rowOf({ name, original, twin }: Row): string {
  const both = (of: (opinion: Opinion) => string): string => [original, ...(twin ? [twin] : [])].map(of).join(' → ');
  const what = `**${plain(name)}**<br>${plain(original.why)}${twin ? `<br>→ ${plain(twin.why)}` : ''}`;
  return line(what, both(({ label }) => label), both(({ ours }) => ours), awsSolutions(original), awsSolutions(twin), checkov(original), checkov(twin));
}

function layerOf(layer: string, rows: readonly Row[]): string {
  return `### ${upper(plain(layer))}\n\n${table(['case → its twin', 'label', 'this tool', 'AwsSolutions', 'on the twin', 'checkov', 'on the twin'], rows.map(rowOf))}`;
}

/** The page. */
export function page(rows: readonly Row[], checkovVersion: string): string {
  const layers = new Map([...new Set(rows.map(({ layer }) => layer))].map((layer) => [layer, rows.filter((row) => row.layer === layer)]));
  return `<!-- written by \`npm run corpus-table\`: change test/corpus instead -->
# The corpus, and what three tools say of it

${rows.length} small deployments in CloudFormation, each labelled: can somebody on the internet open a connection to a ClickHouse in it? Every
exposed one has a private twin that differs from it in one property, so what flags everything does as badly here as what flags nothing.
\`npm test\` runs this tool and AwsSolutions over all of them and fails when this page says anything else; CI runs checkov.

${totals(rows)}

A tool *flags* a template when it says that something in it is open to everybody: this tool with the verdict \`exposed\`, the others with one
of the rules below, about whichever resource of the template.

## How to read this

**Labels.** A label says what AWS, Kubernetes and ClickHouse document, with a link beside the case where a reader would ask who says so; it
does not follow from what the analysis says. For what decides over packets (routes, network ACLs, addresses, groups, load balancers) there is a second
opinion in test/exposure/oracle: a simulator that shares no code with the analysis, sends packets by brute force through thousands of
random networks, and has to agree with it. \`unknown\` is the label of a template that does not tell, such as one whose network is imported;
\`none\` of one with the ports or the name of ClickHouse and something else behind it. The *deployments* are public ones, written anew and
reduced to what decides who reaches them. Nothing was deployed.

**This is not a fair fight, and not meant as one.** The corpus was made for this tool, by its authors, and a test holds this tool to every label
of it: that it gets all of them right says that it keeps its promises, not how it does on templates that nobody here thought of.
AwsSolutions of cdk-nag and checkov are general-purpose tools that look at one resource at a time. They know nothing of ClickHouse, were not
made to follow a path from the internet to a port, and find a great deal that this tool never looks for. A security group that is
open to the world is worth a finding even where no route leads to it, and so is an open port of something other than ClickHouse: what counts
against them here can be right in their own terms. The table answers one question: does their silence mean that a ClickHouse is private, and
their alarm that it is not?

**What counts, in their favour.** Any finding about something open counts as having found the exposure, though it be about another port (SSH)
or another resource. So does a rule of cdk-nag that crashed, as it fails the synthesis under the rule's id; *crashed* says where. Templates
are included with \`CfnInclude\`, so that the rules of cdk-nag meet the classes that they look for. Values given for parameters are given to
all three; the default of a parameter is none to cdk-nag, and checkov fills it in.

- AwsSolutions of cdk-nag ${AWS_SOLUTIONS_VERSIONS.nag}, on aws-cdk-lib ${AWS_SOLUTIONS_VERSIONS.cdk}; test/corpus/aws-solutions.ts says why these rules.
${list(AWS_SOLUTIONS).replace(/^/gm, '  ')}
- checkov ${checkovVersion}, with its checks for CloudFormation, without an account of its vendor; test/corpus/checkov.ts says why these checks.
${list(CHECKOV).replace(/^/gm, '  ')}

**Doing it again.** \`npm run corpus-table\` writes this page. What checkov says is kept in test/corpus/checkov.json, since it takes Python and
half a minute: \`pip install checkov==${checkovVersion}\` and \`npm run corpus-checkov -- checkov\` before, when cases have changed.

## By layer

Exposed cases with a private twin only: flagged, twins flagged as well, and told apart.

${byLayer(layers)}

## Case by case

${NONE}: it says nothing about being open. A case without a twin is not exposed.

${[...layers].map(([layer, each]) => layerOf(layer, each)).join('\n\n')}
`;
}
