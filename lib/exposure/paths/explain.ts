import { INTERNET } from '../addresses/internet';
import type { Hop, Level } from '../assessment';
import { routeTo } from './route';
import type { Place, Way } from './ways';
import { placesBefore, through } from './ways';

/**
 * A path by which somebody gets to a place: through statements that are sure if there is such a path, else through some that are not.
 * It is as short as any, and all of it lets one and the same client through.
 */
export function pathTo(place: Place, level?: Level): readonly Hop[] {
  return (routeTo(place, { level, sure: !place.arrival(level).must.isEmpty }) ?? []).map(({ hop }) => hop);
}

/** Why nobody gets to a place: of each way the first gate that lets nobody through, each reason once. */
export function closures(place: Place): readonly string[] {
  const found = new Set<string>();
  const pending = new Set([place]);
  // a set grows while it is walked.
  for (const at of pending) {
    for (const way of at.ways) {
      if (way.level !== undefined) continue;
      let clients = way.from?.arrival().may ?? way.clients ?? INTERNET;
      if (way.from !== undefined && clients.isEmpty) pending.add(way.from);
      else {
        const closing = way.gates.find(({ may }) => {
          clients = clients.intersect(may);
          return clients.isEmpty;
        });
        if (closing !== undefined) found.add(closing.closed);
      }
    }
  }
  // in an order that does not depend on that of the templates.
  return [...found].sort();
}

/** What is not known on the ways to a place, each reason once. */
export function unknowns(place: Place, level?: Level): readonly string[] {
  const found = new Set<string>();
  const leading = (way: Way): boolean => (way.level === undefined || way.level === level) && !through(way, level).may.isEmpty;
  for (const { ways } of placesBefore(place, leading)) {
    for (const way of ways.filter(leading)) {
      const clients = through(way, level).may;
      for (const { lets, hop } of way.gates.flatMap(({ statements }) => statements)) if (hop.missing !== undefined && !lets.misses(clients)) found.add(hop.missing);
    }
  }
  return [...found].sort();
}
