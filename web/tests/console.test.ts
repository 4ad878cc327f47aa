// What can be tested without a browser: classes of values, addresses, steps of time, shapes, and that both languages have the same words.
import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("localStorage", {});
vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("location", { search: "", hash: "" });
vi.stubGlobal("navigator", { language: "en" });
vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined }));
vi.stubGlobal("addEventListener", () => undefined);
const { bandOf, classOf, indexNow, inkOn, shadeOfBand, short, subIndex } = await import("../src/colour");
const { at, cai, limits, live } = await import("../src/state");
const { indexes } = await import("../src/map/Things");
const { byTime, stepped } = await import("../src/clock");
const { parse, write } = await import("../src/route");
const { half } = await import("../src/map/layers");
const { hasPlume } = await import("../src/map/plume");
const { opacityOf } = await import("../src/map/field");
const { APART_PX, aside } = await import("../src/map/aside");
const { pointedAt, within } = await import("../src/map/points");
const { raster } = await import("../src/map/raster");
const { circle, squares } = await import("../src/map/view");
const { headingOf, keepTrail, metres, trailOf } = await import("../src/trails");
const { WORDS } = await import("../src/words/words");
const { eventOf } = await import("../src/panels/Lighter");
const { listen, loadAll } = await import("../src/data");
const { fitting } = await import("../src/panels/Chart");

const PM25 = [15, 35, 75, 500], INDEX = [50, 100, 250, 500];

describe("the index of the values of now", () => {
  it.each([[0, 0], [15, 50], [25, 75], [55, 175], [500, 500], [9000, 500], [-3, 0]])("of %d µg/m³ PM2.5 is %d", (value, index) => {
    expect(subIndex(PM25, INDEX, value)).toBeCloseTo(index);
  });
  it("is that of the worst value, without those that are flagged as bad", () => {
    limits.value = { advisories: {}, grades: [], cai: { upper: { pm25: PM25, co: [2, 9, 15, 50] }, index_upper: INDEX } };
    const reading = { device: "a", time: "", values: { pm25: 500, co: 9, battery: 12 } };
    expect(indexNow(reading)).toEqual({ value: 500, pollutant: "pm25" });
    expect(indexNow({ ...reading, quality: { pm25: ["bad", "stuck"] } })).toEqual({ value: 100, pollutant: "co" });
    expect(indexNow({ ...reading, values: { battery: 12 } })).toBeNull();
  });
  it("changes class above each end", () => {
    expect([50, 51, 100, 101, 250, 251].map(classOf)).toEqual([0, 1, 1, 2, 2, 3]);
  });

  it("goes by the classes of the index that the site has chosen", () => {
    const before = limits.value;
    limits.value = { ...before, cai: { upper: { pm25: [5, 15, 50, 90, 140, 800] }, index_upper: [20, 40, 60, 80, 100, 120] } };
    expect([20, 21, 60, 61, 100, 101, 120].map(classOf)).toEqual([0, 1, 2, 3, 4, 5, 5]);
    limits.value = before;
  });
});

it("puts instants in order with and without fractions of a second, those of one instant as they came", () => {
  const came = ["2026-03-04T12:00:01Z", "2026-03-04T12:00:00.5Z", "2026-03-04T12:00:00Z", "2026-03-04T12:00:00.000Z", undefined];
  expect([...came].sort(byTime)).toEqual([came[2], came[3], came[1], came[0], undefined]);
  expect(came.map((time, number) => ({ time, number })).sort((a, b) => byTime(a.time, b.time)).map(({ number }) => number)).toEqual([4, 2, 3, 1, 0]);
});

it("names the index of the site, and that of the United States beside it only where it is another", () => {
  const before = limits.value, american = { label_ko: "미국 AQI", label_en: "US AQI" }, korean = { label_ko: "통합대기환경지수", label_en: "CAI" };
  cai.value = { stations: { a: { cai: 84, label_ko: "보통", label_en: "Moderate", us_aqi: { aqi: 84 } } }, zones: {} };
  limits.value = { ...before, index: { key: "cai", ...korean } };
  expect(indexes("a")).toBe("CAI 84 Moderate · US AQI 84 (reference only)");
  limits.value = { ...before, index: { key: "us", ...american } };
  expect(indexes("a")).toBe("US AQI 84 Moderate");
  limits.value = before;
});

it("writes values in few characters", () => {
  expect([0, 0.0042, 0.021, 0.35, 4.25, 23.4, 1234, -0.5].map(short)).toEqual(["0", ".004", ".021", ".35", "4.3", "23", "1234", "-.50"]);
});

it("writes on light colours in dark ink", () => {
  expect([inkOn("#abd9e9"), inkOn("#2c7bb6")]).toEqual(["#17202a", "#ffffff"]);
});

it("reads the addresses that it writes, whatever a name holds", () => {
  const address = write("incidents", "a/b ?#%", { at: "2026-03-04T03:00:00.000Z" });
  const { page, id, query } = parse(address);
  expect([page, id, query.get("at")]).toEqual(["incidents", "a/b ?#%", "2026-03-04T03:00:00.000Z"]);
  expect(parse("#/nothing/here").page).toBe("city");
  expect(parse("#/devices/%E0%A4%A").id).toBe("%E0%A4%A");
});

it("plays until it has caught up", () => {
  expect(stepped(0, 60, 100_000)).toBe(30_000);
  expect(stepped(80_000, 60, 100_000)).toBeNull();
});

it("knows which cells hold half of the probability", () => {
  const cells: [number, number, number][] = [[0, 0, 0.5], [0, 0, 0.2], [0, 0, 0.2]];
  expect([half({ cells }), half({ cells, cells_of_half: 2 }), half({})]).toEqual([1, 2, 0]);
});

it("asks for no plume of before an incident was opened", () => {
  const incident = { opened_at: "2026-03-02T10:00:00Z", details: { source: { traced_at: "2026-03-02T10:05:00Z" } } } as never;
  at.value = Date.parse("2026-03-02T09:59:00Z");
  expect(hasPlume(incident)).toBe(false);
  at.value = Date.parse("2026-03-02T10:00:00Z");
  expect(hasPlume(incident)).toBe(true);
  at.value = null;
  expect(hasPlume(incident)).toBe(false);
});

it("draws cells and circles to scale", () => {
  const shape = squares([[35.85, 127.09, 1]], 100, "#000", 1).geometry;
  const ring = shape.type === "MultiPolygon" ? shape.coordinates[0]![0]! : [];
  expect(metres([ring[0]![1], ring[0]![0]], [ring[1]![1], ring[1]![0]])).toBeCloseTo(100, 0);
  for (const place of circle([35.85, 127.09], 300)) expect(metres(place, [35.85, 127.09])).toBeCloseTo(300, 0);
});

it("keeps the way of a robot, and begins anew when time goes back", () => {
  [[35.85, 127.09, 0], [35.85, 127.091, 10_000], [35.85, 127.091, 20_000]].forEach(([lat, lon, at]) => keepTrail("robot-1", [lat!, lon!], at!));
  expect(trailOf("robot-1")).toEqual([[35.85, 127.09], [35.85, 127.091]]);
  expect(headingOf("robot-1")).toBeCloseTo(90, 0);
  keepTrail("robot-1", [35.86, 127.09], 5_000);
  expect(trailOf("robot-1")).toEqual([[35.86, 127.09]]);
});

it("hands the simulator what the form says", () => {
  const form = { kind: "leak" as const, fuel: "wood", heat: 3, growth: "fast", smoulder: "3m", gas: "nh3", rate: 20, radius: 30, duration: "30m" };
  expect(eventOf(form)).toEqual({ kind: "leak", rates_g_s: { nh3: 20 }, duration: "30m" });
  expect(eventOf({ ...form, kind: "dust" })).toEqual({ kind: "dust", pm10_g_s: 20, radius_m: 30, duration: "30m" });
});

it("has every word in Korean and in English", () => {
  const { ko, en } = WORDS;
  expect(Object.keys(en).sort()).toEqual(Object.keys(ko).sort());
  for (const words of [ko, en]) for (const word of Object.values(words)) expect(word).not.toBe("");
});

class FakeStream {
  static opened: FakeStream[] = [];
  private works = new Map<string, (message: object) => void>();
  onerror = () => undefined;
  constructor(readonly url: string) { FakeStream.opened.push(this); }
  addEventListener(event: string, work: (message: object) => void) { this.works.set(event, work); }
  heard(event: string, lastEventId: string, data = "[]") { this.works.get(event)!({ data, lastEventId }); }
  close() { /* It is closed already. */ }
}

it("goes on after a break from the last event that it had, and asks for all only where that is not known any more", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeStream);
  const streams = FakeStream.opened;
  const fetched = vi.fn(() => Promise.reject(new Error("away")));
  vi.stubGlobal("fetch", fetched);
  listen();
  streams[0]!.heard("reset", "a-0");
  expect(fetched).toHaveBeenCalledTimes(5);
  streams[0]!.heard("readings", "a-1");
  streams[0]!.onerror();
  await vi.advanceTimersByTimeAsync(3000);
  streams[1]!.heard("readings", "a-2");
  expect(streams.map(({ url }) => url)).toEqual(["/api/v1/stream", "/api/v1/stream?last_event_id=a-1"]);
  expect(fetched).toHaveBeenCalledTimes(5);
  vi.useRealTimers();
});

it("draws a field in bands between its nodes, the fainter the more classes it may lie in", () => {
  const grid = { south: 35, west: 127, step_lat: 0.01, step_lon: 0.01, rows: 2, columns: 3 };
  const shapes = raster(grid, [[0, 0, 9, 0, 0, 9]], ([value]) => (value! > 4 ? { colour: "#ff0000", opacity: 0.5 } : null));
  expect(shapes).toHaveLength(1);
  const strips = shapes[0]!.geometry.type === "MultiPolygon" ? shapes[0]!.geometry.coordinates : [];
  // One strip for each third of a row, from where the mean of the nodes passes 4.
  expect(strips).toHaveLength(3);
  expect(strips[0]![0]![0]![0]).toBeCloseTo(127.01 + 0.01 / 3, 6);
  expect(strips[0]![0]![1]![0]).toBeCloseTo(127.02, 6);
  expect([opacityOf(0.2), opacityOf(1.5), opacityOf(9)]).toEqual([0.62, 0.31, 0.103]);
});

it("mixes the colours of neighbouring classes, and keeps values beyond them at the last one", () => {
  limits.value = { ...limits.value, cai: { upper: { pm25: [15, 35, 75, 500] }, index_upper: [50, 100, 250, 500] } };
  expect([bandOf("pm25", 0), bandOf("pm25", 25), bandOf("pm25", 900)]).toEqual([0, 1.5, 4]);
  expect([shadeOfBand("pm25", 0.5), shadeOfBand("pm25", 0), shadeOfBand("pm25", 4)]).toEqual(["#2c7bb6", "#2c7bb6", "#d7191c"]);
  expect(shadeOfBand("pm25", 1)).toBe("#6caad0");
});

it("lets a robot step aside from a station, and stand where it is elsewhere", () => {
  expect(aside([100, 100], [[300, 300]])).toEqual([100, 100]);
  const [x, y] = aside([110, 100], [[100, 100], [300, 300]]);
  expect([Math.round(x), Math.round(y)]).toEqual([100 + APART_PX, 100]);
  // Where another station is straight aside, it turns.
  const [turnedX, turnedY] = aside([110, 100], [[100, 100], [140, 100]]);
  expect(Math.hypot(turnedX - 140, turnedY - 100)).toBeGreaterThanOrEqual(APART_PX - 0.01);
  expect(Math.hypot(turnedX - 100, turnedY - 100)).toBeCloseTo(APART_PX, 6);
  expect(Math.hypot(aside([100, 100], [[100, 100]])[0] - 100, aside([100, 100], [[100, 100]])[1] - 100)).toBeCloseTo(APART_PX, 6);
});

it("finds which of many stations is pointed at, and which are in view", () => {
  const points = new Map<string, [number, number]>([["a", [100, 100]], ["b", [108, 100]], ["c", [900, 100]]]);
  expect([pointedAt(points, [103, 100]), pointedAt(points, [105, 100]), pointedAt(points, [130, 100])]).toEqual(["a", "b", undefined]);
  expect(within(points, 800, 600)).toEqual(["a", "b"]);
});

it("keeps what the stream said while an answer was on its way that did not know it yet", async () => {
  vi.stubGlobal("EventSource", FakeStream);
  let answer = () => undefined as void;
  const empty = { latest: [], alerts: [], incidents: [], stations: {} };
  vi.stubGlobal("fetch", (address: string) => new Promise((resolve) => {
    const send = () => resolve({ ok: true, status: 200, headers: new Headers(), json: () => Promise.resolve(/state|cai/.test(address) ? empty : []) });
    if (address.endsWith("state")) answer = send;
    else send();
  }));
  listen();
  const loaded = loadAll();
  FakeStream.opened.at(-1)!.heard("alert", "b-1", JSON.stringify({ id: "fire", active: true, severity: "warning" }));
  answer();
  await loaded;
  expect([...live.value.alerts.keys()]).toEqual(["fire"]);
});

describe("the reason of a flag", () => {
  const upTo = (room: number) => (text: string) => text.length <= room;

  it("stands as it is where it fits, and is cut short where the chart is narrow", () => {
    expect(fitting("humid air: 76 %", upTo(40))).toBe("humid air: 76 %");
    expect(fitting("humid air: 76 %, particles look 1.4 times as many", upTo(20))).toBe("humid air: 76 %, pa…");
    expect(fitting("x".repeat(200), upTo(1000))).toHaveLength(61);
    expect(fitting("humid", upTo(0))).toBe("…");
  });
});
