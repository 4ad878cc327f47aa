# 사건, 사건 보고서, 로봇 출동, 알림.

incident-title = { $kind ->
    [fire] 화재·연기 의심
    [industrial] 가스·악취 누출 의심
    [dust] 국지적 먼지
   *[other] { $kind }
}
incident-summary = { $place }: { incident-title } ({ $devices }개 장비에서 감지)

# 값을 나타내는 말. 모르는 값은 그대로 쓴다.
incident-state = { $key ->
    [open] 접수
    [acknowledged] 확인 중
    [confirmed] 사실로 확인
    [false-alarm] 오경보
    [closed] 종료
   *[other] { $value }
}
incident-class = { $key ->
    [fire] 화재
    [industrial] 가스·악취 누출
    [dust] 국지적 먼지
    [traffic] 차량 배출
    [regional] 광역 유입
    [sensor-fault] 센서 이상
   *[other] { $value }
}
severity = { $key ->
    [info] 정보
    [warning] 주의
    [critical] 위험
   *[other] { $value }
}
journal-action = { $key ->
    [assign] 담당자 지정
    [acknowledge] 확인함
    [confirm] 사실로 확인함
    [false-alarm] 오경보로 판단함
    [close] 종료함
    [comment] 의견
   *[other] { $value }
}
mission-outcome = { $key ->
    [located] 발생지 확인
    [nothing-more-to-gain] 추가 정보 없음
    [time-is-up] 시간 초과
    [done] 완료
    [recalled] 복귀 명령
    [incident-closed] 사건 종료
    [refused] 명령 거부
    [lost] 통신 두절
    [failed] 실패
    [forbidden] 출동 금지
    [on-another-order] 다른 명령 수행
    [order-forgotten] 명령 유실
   *[other] { $value }
}

report-title = 사건 보고서
report-state = 상태
report-severity = 심각도
report-class = 추정 원인
report-zone = 구역
report-opened = 시작
report-closed = 종료
report-source = 추정 발생지
report-radius = 확률 절반이 들어 있는 반경
report-rate = 배출률 (5 · 50 · 95 %)
report-unsure = 아직 확실하지 않음
report-untraced = 아직 추적되지 않음
report-says-nothing = 지도만으로는 아직 발생지를 알 수 없음: 지도 안 거의 모든 곳이 가능함
report-regions = 진한 부분은 확률 50 %, 옅은 부분은 90 % 영역
report-unexplained = 발생지 하나로는 { $devices }의 측정값이 설명되지 않음: 두 번째 발생지가 있을 수 있음
report-elsewhere = 지도 밖일 확률
report-downwind = 앞으로 한 시간 동안 바람이 닿는 구역
report-none = 없음
report-probability = 확률
report-after = 도달(10–90 %)
report-adds = 최대 증가
report-robots = 로봇 출동
report-stops = { $count }곳 측정
report-alerts = 경보
report-journal = 조치 기록
report-ongoing = 계속됨
report-minutes = { $minutes }분
report-made = 작성

notification-event = { $key ->
    [raised] 발생
    [repeated] 지속
    [closed] 처리 완료
    [ended] 종료
    [test] 시험
   *[other] { $value }
}
