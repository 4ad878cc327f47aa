// Every word of the page, in Korean and English.
import { $ } from "./dom.js";
import { now, state } from "./state.js";

const KOREAN = {
  language: "English", air: "대기", live: "실시간", lost: "연결 끊김", rate: "건/초", simulated: "모의 자료",
  map: "측정소와 로봇의 지도", legend: "지도 범례", wind: "바람", robot: "로봇", cancel: "취소",
  fire: "🔥 가상 화재 일으키기", "fire-aim": "지도에서 화재 위치를 누르세요.", "fire-sent": "시뮬레이터에 화재를 전달했습니다.",
  zones: "구역별 지수", "no-index": "지수 없음", stations: "측정소 (지수 높은 순)", day: "지난 24시간",
  reference: "참고용", note: "간이측정기의 참고용 자료이며 국가 대기오염측정망의 공식 자료가 아닙니다.",
  alerts: "현재 경보", "no-alerts": "경보 없음", acknowledge: "확인", silence: "알림 끄기…",
  handled: { acknowledged: "확인됨", confirmed: "사실로 종료", "false-alarm": "오경보로 종료" },
  silenced: "알림 꺼짐", inhibited: "다른 경보로 알림 억제", until: "까지",
  silences: "알림 끔 목록", end: "다시 켜기", everywhere: "도시 전체", "all-alerts": "모든 경보",
  "silence-title": "알림 끄기", "silence-scope": "이곳의 같은 종류 경보는 화면에 계속 표시되고 알림만 보내지 않습니다.",
  "silence-for": "기간", "silence-reason": "사유 (조치 기록에 남습니다)", "silence-start": "끄기",
  hour: "1시간", "8-hours": "8시간", "1-day": "하루",
  incidents: "사건", report: "보고서", near: "추정 발생지 반경", unsure: "발생지 불확실", "says-nothing": "발생지를 아직 알 수 없음", second: "두 번째 발생지 가능성", downwind: "풍하 구역",
  confirm: "사실 확인", confirmed: "사실 확인", "false-alarm": "오경보", close: "종료",
  state: { open: "접수", acknowledged: "확인 중", confirmed: "사실로 확인", "false-alarm": "오경보" },
  visit: "출동 중, 측정 지점",
  outcome: {
    located: "발생지 확인", "nothing more to gain": "추가 정보 없음", recalled: "복귀 명령", forbidden: "출동 금지",
    refused: "명령 거부", failed: "실패", lost: "통신 두절", done: "완료",
    "incident closed": "사건 종료", "time is up": "시간 초과", "on another order": "다른 명령 수행",
    "order forgotten": "명령 유실",
  },
  robots: "순찰 로봇", battery: "배터리", send: "출동…", "send-aim": "지도에서 출동 위치를 누르세요: ", sent: "출동 명령을 보냈습니다: ",
  recall: "복귀", forbid: "출동 금지", allow: "출동 허용", forbidden: "출동 금지됨",
  doing: {
    unheard: "응답 없음", fault: "고장", paused: "일시 정지", manual: "수동 운전", charging: "충전 중", visiting: "사건 현장 출동",
    sent: "수동 출동", order: "다른 명령 수행 중", measuring: "현장 측정 중", ready: "대기",
    activity: ["정지", "순찰 중", "이동 중", "측정 중", "충전 중"],
  },
  role: { viewer: "열람자", operator: "운영자", admin: "관리자" }, "reads-only": "읽기 전용", leave: "다른 키 사용",
  door: "API 키를 입력하세요", key: "API 키", enter: "접속",
};

const ENGLISH = {
  language: "한국어", air: "Air", live: "live", lost: "connection lost", rate: "readings/s", simulated: "simulated",
  map: "map of stations and robots", legend: "colours of the map", wind: "wind", robot: "robot", cancel: "Cancel",
  fire: "🔥 Light a fire", "fire-aim": "Click where it is to burn.", "fire-sent": "Fire handed to the simulator.",
  zones: "index by zone", "no-index": "no index", stations: "Stations, worst first", day: "last 24 hours",
  reference: "reference only",
  note: "Low-cost instruments: for reference only, not official values of the national network.",
  alerts: "Active alerts", "no-alerts": "No alerts", acknowledge: "Acknowledge", silence: "Silence…",
  handled: { acknowledged: "acknowledged", confirmed: "closed as confirmed", "false-alarm": "closed as false alarm" },
  silenced: "silenced", inhibited: "held back by another alert", until: "until",
  silences: "Silences", end: "End", everywhere: "whole city", "all-alerts": "all alerts",
  "silence-title": "Silence", "silence-scope": "Alerts of this kind at this place stay on the page, but are not sent.",
  "silence-for": "For", "silence-reason": "Reason (kept in the journal)", "silence-start": "Silence",
  hour: "1 hour", "8-hours": "8 hours", "1-day": "1 day",
  incidents: "Incidents", report: "Report", near: "source within", unsure: "source not sure", "says-nothing": "nothing known of the source yet", second: "perhaps a second source", downwind: "downwind",
  confirm: "Confirm", confirmed: "Confirm", "false-alarm": "False alarm", close: "Close",
  state: { open: "open", acknowledged: "acknowledged", confirmed: "confirmed", "false-alarm": "false alarm" },
  visit: "sent, stops", outcome: {},
  robots: "Patrol robots", battery: "battery", send: "Send…", "send-aim": "Click where to send ", sent: "Sent: ",
  recall: "Recall", forbid: "Forbid", allow: "Allow", forbidden: "not to be sent",
  doing: {
    unheard: "not heard", fault: "faulty", paused: "stopped", manual: "driven by hand", charging: "charging",
    visiting: "sent to an incident", sent: "sent by hand", order: "on another order",
    measuring: "measuring on the spot", ready: "ready",
    activity: ["standing", "on patrol", "driving", "measuring", "charging"],
  },
  role: { viewer: "viewer", operator: "operator", admin: "admin" }, "reads-only": "reads only", leave: "Other key",
  door: "Enter your API key", key: "API key", enter: "Enter",
};

const WORDS = { ko: KOREAN, en: ENGLISH };

/** The word for a key; of a group of words, the one that is named, or the name itself where there is none. */
export function say(key, name) {
  const found = WORDS[state.language][key];
  return name === undefined ? found : found[name] ?? name;
}

/** What the api wrote in both languages: `label`, `summary`, `title`, `note`. */
export const localized = (thing, what) => thing?.[`${what}_${state.language}`];

export const label = (thing) => localized(thing, "label") || thing?.name || thing?.device || "";

const inCity = (instant, format) =>
  new Date(instant).toLocaleString(state.language, { ...format, timeZone: state.site.timezone });

export const clockTime = (instant) => inCity(instant, { hour: "2-digit", minute: "2-digit" });

export const dateAndTime = (instant) => inCity(instant, { dateStyle: "medium", timeStyle: "medium" });

/** The time alone within half a day from now, with its day else. */
export function shortTime(instant) {
  const isNear = Math.abs(Date.parse(instant) - now()) < 12 * 3_600_000;
  const day = isNear ? {} : { month: "short", day: "numeric" };
  return inCity(instant, { ...day, hour: "2-digit", minute: "2-digit" });
}

/** Fill in the words that stand in index.html by their keys. */
export function drawWords() {
  document.documentElement.lang = state.language;
  if (state.site) document.title = $("title").textContent = `${label(state.site)} ${say("air")}`;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
}
