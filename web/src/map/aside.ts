// A robot at a station steps aside on the screen, so that both values can be read; where it is exactly shows its trail, and a closer look.
export const APART_PX = 33;

/** Where something that is at a point stands, clear of others that stay where they are. */
export function aside([x, y]: [number, number], others: readonly [number, number][]): [number, number] {
  let nearest = APART_PX, from: [number, number] | null = null;
  for (const other of others) {
    const distance = Math.hypot(x - other[0], y - other[1]);
    if (distance < nearest) [nearest, from] = [distance, other];
  }
  if (!from) return [x, y];
  const [dx, dy] = nearest < 1 ? [Math.SQRT1_2, -Math.SQRT1_2] : [(x - from[0]) / nearest, (y - from[1]) / nearest];
  return [from[0] + dx * APART_PX, from[1] + dy * APART_PX];
}
