# The sentences of alerts. $place: the device or zone; $what: what the kind is called; amounts come with their unit.

cai = { $place }: { $name } { $index } ({ $grade }), led by { $quantity } ({ reference-only })
advisory = { $place }: { $quantity } { $level } level ({ $mean }) ({ reference-only })
asian-dust = Asian dust crisis, stage “{ $level }” ({ $mean }) ({ reference-only })
hourly-mean = hourly mean { $amount }
no-hourly-mean = no hourly mean now
# $hours: how many hours ahead; $share: how probable, in percent.
forecast = { $place }: { $quantity } forecast above { $limit } in about { $hours } h, { $share } % probable (a forecast, not measured)
odour = { $place }: { $quantity } { $amount } over 10 min, odour limit { $limit } ({ reference-only })

# $share: how sure it is, in percent; $reasons: what rose, separated by commas.
smoke = { $place }: { $what }, { $share } % sure (above its usual level and the network: { $reasons })
reason-heat = thermal camera sees { $amount }
reason-rise = { $quantity } +{ $amount }
reason-support = { $place }, { $distance } away in line with the wind, shows it too

threshold-above = { $place }: { $what } ({ $amount }, above { $limit })
threshold-below = { $place }: { $what } ({ $amount }, below { $limit })
threshold-missing = { $place }: { $what } (no value)

many-silent = { $silent } of { $known } devices fell silent at once: look at network, gateway and power
silent = { $place }: nothing heard for { $duration }
minutes = { $count } min
hours = { $count } h

# $quantities: the quantities that show it, separated by commas; $why: the reasons.
fault = { $place }: { $what }
fault-of = { $place }: { $what }, { $quantities }
fault-why = { $place }: { $what }: { $why }
fault-of-why = { $place }: { $what }, { $quantities }: { $why }
battery-low = { $place }: { $what } ({ $share } %)
# $own, $other: what this instrument and the one that passed it measured; $median: the median of all.
collocation = { $place }: { $what }, { $quantity } { $own } where what passed it saw { $other } (median of all { $median })
collocation-reason = { $own } against { $other } in passing
repeats = { $place }: { $what }, { $share }% of its messages

store-away = The store cannot be reached; other alerts are held back until it can
broker-away = The MQTT broker cannot be reached
no-data = No device is heard

# Where the facts of an alert cannot be put into its sentence.
plain = { $place }: { $what }
