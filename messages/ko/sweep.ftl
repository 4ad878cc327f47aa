# `jeonju sweep`의 보고서.
sweep-title = 반복 실행: { $scenario }
sweep-other-language = English
sweep-setup = 모의실험: “{ $scenario }” { $runs }회 실행, 시드 { $seed }, { $nature }.
sweep-nature = { $key ->
    [puffs] 퍼프 모델의 연기
    [particles] 입자 모델의 연기
   *[other] { $value }
}
sweep-seed-alone = 실행마다 시드만 다릅니다(날씨, 교통, 측정기).
sweep-varied = 실행마다 시드와 다음 값이 다릅니다: { $what }.
sweep-range = { $name } { $low }~{ $high }
sweep-range-log = { $name } { $low }~{ $high }(로그 척도로 고르게)
sweep-choices = { $name } { $choices }
sweep-cause = { $key ->
    [wind] 풍속 [m/s]
    [wind-from] 풍향 [°]
    [temperature] 기온 [°C]
    [humidity] 습도 [%]
    [rain] 강수량 [mm/h]
    [cloud] 운량 [0–1]
    [stability] 대기안정도 등급
    [hour] 시작 시각 [시]
    [day] 연중 날짜 [일]
    [fire-position] 화재, 원래 위치에서의 거리 [m]
    [leak-position] 누출, 원래 위치에서의 거리 [m]
    [dust-position] 비산먼지, 원래 위치에서의 거리 [m]
    [fire-peak_heat_mw] 화재의 최대 발열량 [MW]
    [fire-fuel] 연료
   *[other] { $value }
}
sweep-choice = { $key ->
    [city] 구역 안 임의의 위치
    [mixed-waste] 혼합 폐기물
    [waste-paper] 폐지
    [tyres] 타이어
    [vehicle] 차량
    [building] 건물
    [wood] 목재
    [crop-residue] 농업 잔재물
    [grass] 초지
    [forest] 산림
    [peat] 이탄
   *[other] { $value }
}

sweep-runs = 실행 횟수
sweep-affected = 감지에 쓰는 장비에 영향을 준 사건
sweep-detected = 감지한 사건
sweep-half-within = 전체 사건의 절반을 감지하기까지
sweep-most-within = 전체 사건의 90 %를 감지하기까지
sweep-false-alarms = 모든 실행의 오경보
sweep-seconds = { $value }초
sweep-never = 도달하지 못함
sweep-of = { $whole }건 중 { $part }건
sweep-files = 전체 실행: { $rows }(실행마다 한 행), { $dataset }(CF-NetCDF), { $folder }(분 단위 PM2.5).

sweep-how-soon = 감지까지 걸린 시간
sweep-how-soon-note = 전체 실행에 대한 비율. 띠는 90 % 신뢰구간(윌슨)입니다.
sweep-where = 사건의 위치
sweep-depends-on = 지연에 영향을 주는 요인
sweep-measured = 측정값
sweep-measured-note = 값이 가장 높은 장비입니다.

sweep-curve-affected = 장비에 영향
sweep-curve-detected = 감지
sweep-axis-since-event = 사건이 시작된 뒤 지난 시간 [분]
sweep-axis-share = 실행의 비율 [%]
sweep-axis-since-start = 실행을 시작한 뒤 지난 시간 [분]
sweep-axis-delay = 감지까지 걸린 시간 [분]
sweep-axis-delay-or-never = 감지까지 걸린 시간 [분] (×: 감지하지 못함)
sweep-axis-gain = 이곳에 측정소 하나를 두면 줄어드는 평균 시간 [초]
sweep-axis-east = 동쪽으로 [m]
sweep-axis-north = 북쪽으로 [m]
sweep-bands-title = 초미세먼지(PM2.5) 1분 평균
sweep-band-wide = 실행의 90 %
sweep-band-narrow = 실행의 절반
sweep-median = 중앙값
sweep-station = 측정소
sweep-not-noticed = 감지하지 못함
sweep-candidate = 후보지
sweep-chosen = 선택한 곳
sweep-chosen-loop = 선택한 로봇 경로

sweep-placement = 측정소를 더 두면 가장 좋은 곳
sweep-placement-stations = 측정소
sweep-placement-place = 위치
sweep-placement-mean = 장비에 영향을 주기까지의 평균 시간(최대 { $minutes }분)
sweep-placement-none = 추가 없음
sweep-placement-robot = 또는 로봇 한 대 추가
sweep-placement-loop = 중심이 { $at }인 경로({ $zone })
sweep-placement-measured = 새로운 실행에서 이 장비들로 감지까지 해서 잰 결과입니다.
sweep-network = 구성
sweep-network-noticed = 감지
sweep-network-half = 절반을 감지하기까지
sweep-network-most = 90 %를 감지하기까지
sweep-network-false-alarms = 오경보
sweep-network-as-it-is = 지금 그대로
sweep-network-with-stations = 측정소 { $count }곳 추가
sweep-network-with-robot = 대신 로봇 한 대 추가
