# 값에 품질 표시가 붙은 까닭. $unit 은 단위가 있으면 앞에 빈칸을 둔다.
quality-duration-d = { $count }일
quality-duration-h = { $count }시간
quality-duration-min = { $count }분
quality-duration-s = { $count }초

quality-out-of-range = 측정 가능한 범위를 벗어남
quality-too-large = { $limit } 이상이어서 평균에서 제외함
quality-step = { $within } 사이 { $before }에서 { $after }{ $unit }(으)로 급변
quality-stuck = 측정값 고착: { $for } 동안 같은 값
quality-neighbours = { $for } 동안 주변 측정소 { $others }곳보다 크게 높음: { $mean }, 주변 중앙값 { $median }{ $unit }
quality-neighbours-below = { $for } 동안 주변 측정소 { $others }곳보다 크게 낮음: { $mean }, 주변 중앙값 { $median }{ $unit }
quality-humid = 습도 { $percent } %: 젖은 입자 때문에 약 { $factor }배 높게 측정됨(흡입구를 가열하지 않는 경우)
quality-fog = 습도 { $percent } %: 젖은 입자 때문에 { $factor }배 넘게 높게 측정되고 안개도 먼지로 계수됨
quality-clock-ahead = 장비 시계가 수신 시각보다 { $by } 빠름
quality-clock-behind = 장비 시계가 수신 시각보다 { $by } 느림
quality-clock-frozen = 측정값은 들어오는데 장비 시계가 멈춤
quality-impossible-time = 있을 수 없는 시각이어서 수신 시각을 사용함
quality-unknown-quantity = 알 수 없는 항목이어서 extra에 보관함
quality-not-a-number = 숫자가 아니어서 extra에 보관함
quality-unit-does-not-fit = 맞지 않는 단위({ $unit }), 부가 정보로 보관
quality-impossible-position = 있을 수 없는 위치, 기존 위치를 유지
quality-no-fix = 위치를 수신하지 못함, 기존 위치를 유지
quality-member-dropped = 알 수 없는 항목 1개를 버림: 측정값 하나에 보관하는 한도를 넘음
quality-members-dropped = 알 수 없는 항목 { $count }개를 버림: 측정값 하나에 보관하는 한도를 넘음
quality-unreadable = 품질 표시와 알 수 없는 항목을 버림: 이 행이나 이웃 행의 내용이 너무 커서 읽을 수 없음
quality-sender = { $sender }: { $says }
