# Notifications: what is neither an alert nor an incident.
notify-summary = Summary of the quiet hours
notify-test = Test
notify-test-line = This is a test of the channel { $channel }; nothing has happened.
notify-more = … and { $count } more
notify-advice = What to do: { $everybody } Sensitive people: { $sensitive }
notify-lasted = { $from } to { $to }

# Zones downwind, in CAP.
cap-area-downwind = { $zone }: expected { $from } to { $to }, probability { $share } %
cap-headline-downwind = { $what }: the wind may carry it to { $zone }, from { $from } to { $to }
cap-area-here = { $zone }: probably there already, probability { $share } %
cap-headline-here = { $what }: the wind may have carried it to { $zone } already
