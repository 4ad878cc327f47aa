# 미세먼지법 간이측정기 성능인증제에 따른 표시.
grade-1 = 성능인증 1등급
outside-grade-1 = 성능인증 1등급 외
grade-none = 성능인증 등급 없음
# $grade: 측정기 한 대의 등급.
instrument = 간이측정기({ $grade }), 참고용
# 경보처럼 대기질을 한 줄로 알릴 때 뒤에 붙인다.
reference-only = 간이측정기 참고용
# $grades: 모든 측정기의 등급(세미콜론으로 구분).
legal-note = 간이측정기({ $grades })의 참고용 자료이며 국가 대기오염측정망의 공식 자료가 아닙니다.
# 등급을 모를 때.
legal-note-plain = 간이측정기의 참고용 자료이며 국가 대기오염측정망의 공식 자료가 아닙니다.
