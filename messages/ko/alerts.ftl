# 경보 문장. $place: 장비 또는 구역, $what: 경보 종류의 이름. 값에는 단위가 붙어 있다.

cai = { $place }: { $name } { $index } ({ $grade }), 주오염물질 { $quantity } ({ reference-only })
advisory = { $place }: { $quantity } { $level } 수준 ({ $mean }) ({ reference-only })
asian-dust = 황사 위기경보 '{ $level }' 수준 ({ $mean }) ({ reference-only })
hourly-mean = 시간평균 { $amount }
no-hourly-mean = 시간평균 자료 없음
# $hours: 몇 시간 뒤인지, $share: 확률(%).
forecast = { $place }: 약 { $hours }시간 뒤 { $quantity } { $limit } 초과 예측, 확률 { $share } % (측정값이 아닌 예측)
odour = { $place }: { $quantity } 10분 평균 { $amount }, 악취 배출허용기준 { $limit } ({ reference-only })

# $share: 확률(%), $reasons: 상승한 항목(쉼표로 구분).
smoke = { $place }: { $what } { $share } % (평소와 주변보다 { $reasons })
reason-heat = 열화상 { $amount }
reason-rise = { $quantity } +{ $amount }
reason-support = 바람 방향으로 { $distance } 거리의 { $place }에서도 감지

threshold-above = { $place }: { $what } ({ $amount }, { $limit } 초과)
threshold-below = { $place }: { $what } ({ $amount }, { $limit } 미만)
threshold-missing = { $place }: { $what } (값 없음)

many-silent = 장비 { $known }대 중 { $silent }대가 동시에 무응답: 통신망·게이트웨이·전원 확인
silent = { $place }: { $duration }째 자료 없음
minutes = { $count }분
hours = { $count }시간

# $quantities: 해당 측정항목(쉼표로 구분), $why: 이유.
fault = { $place }: { $what }
fault-of = { $place }: { $what } ({ $quantities })
fault-why = { $place }: { $what } ({ $why })
fault-of-why = { $place }: { $what } ({ $quantities }: { $why })
battery-low = { $place }: { $what } ({ $share } %)
# $own: 이 장비의 값, $other: 지나칠 때 상대 장비의 값, $median: 전체 중앙값.
collocation = { $place }: { $what } ({ $quantity } { $own }, 지나칠 때 상대 장비 { $other }, 전체 중앙값 { $median })
collocation-reason = { $own }, 지나칠 때 상대 장비 { $other }
repeats = { $place }: { $what } (메시지의 { $share }%)

store-away = 저장소에 연결할 수 없습니다. 다른 경보는 연결될 때까지 보류됩니다
broker-away = MQTT 브로커에 연결할 수 없습니다
no-data = 모든 장비의 자료가 끊겼습니다

# 경보의 내용을 문장에 넣을 수 없을 때.
plain = { $place }: { $what }
