# 알림: 경보도 사건도 아닌 것.
notify-summary = 방해 금지 시간의 알림 요약
notify-test = 시험
notify-test-line = { $channel } 채널 시험 발송입니다. 실제 상황이 아닙니다.
notify-more = … 외 { $count }건
notify-advice = 행동요령: { $everybody } 민감군: { $sensitive }
notify-lasted = { $from }~{ $to }

# CAP의 풍하 구역.
cap-area-downwind = { $zone }: { $from }~{ $to } 도달 예상, 확률 { $share } %
cap-headline-downwind = { $what }: 바람을 타고 { $from }~{ $to } 사이에 { $zone }에 올 수 있음
cap-area-here = { $zone }: 이미 도달한 것으로 추정, 확률 { $share } %
cap-headline-here = { $what }: 바람을 타고 { $zone }에 이미 왔을 수 있음
