import type { Hop, Level } from '../assessment';
import type { Place, Statement, Way } from './ways';
import { through } from './ways';

/**
 * A path by which somebody gets to a place: through statements that are sure if there is such a path, else through some that are not.
 * The shortest of them, and of equally short ones the first as written.
 */
export function pathTo(place: Place, level?: Level): readonly Hop[] {
  const sure = !place.arrival(level).must.isEmpty;
  const seen = new Set<Place>();
  const walk = (at: Place): readonly Hop[] | undefined => {
    if (seen.has(at)) return undefined;
    seen.add(at);
    const found = open(at, sure, level).flatMap((way) => {
      const before = way.from === undefined ? [] : walk(way.from);
      return before === undefined ? [] : [[...before, ...hopsOf(way, sure, level)]];
    });
    seen.delete(at);
    return shortest(found);
  };
  return walk(place) ?? [];
}

/** The ways to a place that bring somebody. */
export function open(place: Place, sure: boolean, level?: Level): readonly Way[] {
  return place.ways.filter((way) => {
    if (way.level !== undefined && way.level !== level) return false;
    const { must, may } = through(way, level);
    return !(sure ? must : may).isEmpty;
  });
}

/** One statement of each gate, so that all of them together let one client through. */
function hopsOf(way: Way, sure: boolean, level?: Level): readonly Hop[] {
  let clients = through(way, level)[sure ? 'must' : 'may'];
  return way.gates.flatMap(({ statements }) => {
    const fitting = statements.filter((each) => !each.lets.misses(clients));
    const chosen = fitting.find(isSure) ?? fitting[0];
    if (chosen === undefined) return [];
    clients = clients.intersect(chosen.lets);
    return [chosen.hop];
  });
}

function isSure({ hop }: Statement): boolean {
  return hop.missing === undefined;
}

function shortest(paths: ReadonlyArray<readonly Hop[]>): readonly Hop[] | undefined {
  return paths.reduce<readonly Hop[] | undefined>((best, each) => (best === undefined || each.length < best.length ? each : best), undefined);
}

/** Why nobody gets to a place: of each way the first gate that lets nobody through, each reason once. */
export function closures(place: Place): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<Place>();
  const visit = (at: Place): void => {
    if (seen.has(at)) return;
    seen.add(at);
    for (const way of at.ways) {
      if (way.level !== undefined) continue;
      const before = way.from?.arrival().may;
      if (way.from !== undefined && before?.isEmpty === true) visit(way.from);
      else {
        let clients = before;
        const closing = way.gates.find(({ may }) => {
          clients = clients === undefined ? may : clients.intersect(may);
          return clients.isEmpty;
        });
        if (closing !== undefined) found.add(closing.closed);
      }
    }
  };
  visit(place);
  // in an order that does not depend on that of the templates.
  return [...found].sort();
}

/** What is not known on the ways to a place, each reason once. */
export function unknowns(place: Place, level?: Level): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<Place>();
  const visit = (at: Place): void => {
    if (seen.has(at)) return;
    seen.add(at);
    for (const way of open(at, false, level)) {
      if (way.from !== undefined) visit(way.from);
      for (const { hop } of way.gates.flatMap(({ statements }) => statements)) if (hop.missing !== undefined) found.add(hop.missing);
    }
  };
  visit(place);
  return [...found].sort();
}
