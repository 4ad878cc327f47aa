// A robot at a station steps aside on the screen, so that both values can be read; where it is exactly shows its trail, and a closer look.
// As far as the marks of style.css are wide: they are smaller on a phone.
export const APART_PX = matchMedia("(max-width: 860px)").matches ? 26 : 33;

// Nearest to the straight way aside first.
const TURNS = [0, 30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180].map((degrees) => (degrees * Math.PI) / 180);

/** Where something that is at a point stands, clear of others that stay where they are, as far as there is room. */
export function aside([x, y]: [number, number], others: readonly [number, number][]): [number, number] {
  // Asked for each robot with every frame, perhaps among thousands of others: squares, and no lists of numbers.
  const near = others.filter((other) => Math.abs(x - other[0]) < 3 * APART_PX && Math.abs(y - other[1]) < 3 * APART_PX);
  const nearestTo = (atX: number, atY: number) => {
    let least = Infinity, from: [number, number] | undefined;
    for (const other of near) {
      const square = (atX - other[0]) ** 2 + (atY - other[1]) ** 2;
      if (square < least) [least, from] = [square, other];
    }
    return { from, room: Math.sqrt(least) };
  };
  const { from, room } = nearestTo(x, y);
  if (!from || room >= APART_PX) return [x, y];
  const straight = room < 1 ? -Math.PI / 4 : Math.atan2(y - from[1], x - from[0]);
  let best: [number, number] = [x, y], most = -1;
  for (const turn of TURNS) {
    const place: [number, number] = [from[0] + APART_PX * Math.cos(straight + turn), from[1] + APART_PX * Math.sin(straight + turn)];
    const found = nearestTo(...place).room;
    if (found >= APART_PX - 0.01) return place;
    if (found > most) [most, best] = [found, place];
  }
  return best;
}
