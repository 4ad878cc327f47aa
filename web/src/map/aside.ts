// A robot at a station steps aside on the screen, so that both values can be read; where it is exactly shows its trail, and a closer look.
// As far as the marks of style.css are wide: they are smaller on a phone.
export const APART_PX = matchMedia("(max-width: 860px)").matches ? 26 : 33;

// Nearest to the straight way aside first.
const TURNS = [0, 30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180].map((degrees) => (degrees * Math.PI) / 180);

/** Where something that is at a point stands, clear of others that stay where they are, as far as there is room. */
export function aside([x, y]: [number, number], others: readonly [number, number][]): [number, number] {
  const near = others.filter((other) => Math.hypot(x - other[0], y - other[1]) < 3 * APART_PX);
  const room = ([atX, atY]: [number, number]) => Math.min(...near.map((other) => Math.hypot(atX - other[0], atY - other[1])));
  const nearest = room([x, y]), from = near.find((other) => Math.hypot(x - other[0], y - other[1]) === nearest);
  if (!from || nearest >= APART_PX) return [x, y];
  const straight = nearest < 1 ? -Math.PI / 4 : Math.atan2(y - from[1], x - from[0]);
  const places = TURNS.map((turn): [number, number] => [from[0] + APART_PX * Math.cos(straight + turn), from[1] + APART_PX * Math.sin(straight + turn)]);
  return places.find((place) => room(place) >= APART_PX - 0.01) ?? places.reduce((best, place) => (room(place) > room(best) ? place : best));
}
