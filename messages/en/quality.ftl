# Why a value is flagged. $unit begins with a space where the quantity has a unit.
quality-duration-d = { $count } d
quality-duration-h = { $count } h
quality-duration-min = { $count } min
quality-duration-s = { $count } s

quality-out-of-range = outside the plausible range
quality-too-large = { $limit } or more, left out of means
quality-step = jumped from { $before } to { $after }{ $unit } within { $within }
quality-stuck = stuck: the same value for { $for }
quality-neighbours = for { $for } far above its { $others } neighbours: { $mean } against { $median }{ $unit }
quality-neighbours-below = for { $for } far below its { $others } neighbours: { $mean } against { $median }{ $unit }
quality-humid = humidity { $percent } %: wet particles read about { $factor } times too high, unless the inlet is heated
quality-fog = humidity { $percent } %: wet particles read more than { $factor } times too high, fog counts as dust
quality-clock-ahead = clock { $by } ahead of arrival
quality-clock-behind = clock { $by } behind arrival
quality-clock-frozen = clock stands still while readings arrive
quality-impossible-time = impossible time, time of arrival taken
quality-unknown-quantity = unknown quantity, kept as extra
quality-not-a-number = not a number, kept as extra
quality-unit-does-not-fit = the unit { $unit } does not fit, kept as extra
quality-impossible-position = impossible position, the known place stays
quality-no-fix = no fix of the position, the known place stays
quality-member-dropped = 1 unknown member dropped: more than is kept of a reading
quality-members-dropped = { $count } unknown members dropped: more than is kept of a reading
quality-unreadable = flags and unknown members dropped: they, or those of its neighbours, are too large to be read
quality-sender = { $sender }: { $says }
