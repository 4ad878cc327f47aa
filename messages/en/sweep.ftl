# The report of `jeonju sweep`.
sweep-title = Sweep of { $scenario }
sweep-other-language = 한국어
sweep-setup = Simulated: { $runs } runs of “{ $scenario }”, seed { $seed }, { $nature }.
sweep-nature = { $key ->
    [puffs] smoke of the puff model
    [particles] smoke of the particle model
   *[other] { $value }
}
sweep-seed-alone = They differ by the seed alone: weather, traffic and instruments.
sweep-varied = They differ by the seed and by: { $what }.
sweep-range = { $name } { $low } to { $high }
sweep-range-log = { $name } { $low } to { $high } (equal shares of the logarithm)
sweep-choices = { $name } { $choices }
sweep-cause = { $key ->
    [wind] wind speed [m/s]
    [wind-from] wind from [°]
    [temperature] temperature [°C]
    [humidity] humidity [%]
    [rain] rain [mm/h]
    [cloud] cloud cover [0–1]
    [stability] stability class
    [hour] hour of the day
    [day] day of the year
    [fire-position] fire, metres from its place
    [leak-position] leak, metres from its place
    [dust-position] dust, metres from its place
    [fire-peak_heat_mw] peak heat of the fire [MW]
    [fire-fuel] fuel
   *[other] { $value }
}
sweep-choice = { $key ->
    [city] anywhere in the zones
    [mixed-waste] mixed waste
    [waste-paper] waste paper
    [crop-residue] crop residue
   *[other] { $value }
}

sweep-runs = runs
sweep-affected = events that affected a device that listens
sweep-detected = events noticed
sweep-half-within = half of all events are noticed within
sweep-most-within = 90 % of them within
sweep-false-alarms = false alarms in all runs
sweep-seconds = { $value } s
sweep-never = never
sweep-of = { $part } of { $whole }
sweep-files = All runs: { $rows } (a row each), { $dataset } (CF-NetCDF), { $folder } (PM2.5 of every minute).

sweep-how-soon = How soon
sweep-how-soon-note = Share of all runs; bands are intervals of 90 % (Wilson).
sweep-where = Where
sweep-depends-on = What it depends on
sweep-measured = What was measured
sweep-measured-note = The devices with the highest values.

sweep-curve-affected = a device is affected
sweep-curve-detected = noticed
sweep-axis-since-event = minutes since the event began
sweep-axis-share = share of runs [%]
sweep-axis-since-start = minutes since the start of the run
sweep-axis-delay = minutes until noticed
sweep-axis-delay-or-never = minutes until noticed (×: never)
sweep-axis-gain = mean time saved by one station here [s]
sweep-axis-east = metres east
sweep-axis-north = metres north
sweep-bands-title = PM2.5, means of a minute
sweep-band-wide = 90 % of runs
sweep-band-narrow = half of the runs
sweep-median = median
sweep-station = station
sweep-not-noticed = not noticed
sweep-candidate = candidate
sweep-chosen = chosen
sweep-chosen-loop = chosen loop of a robot

sweep-placement = Where more stations are worth most
sweep-placement-stations = stations
sweep-placement-place = place
sweep-placement-mean = mean time until one is affected (at most { $minutes } min)
sweep-placement-none = without more
sweep-placement-robot = or one robot more
sweep-placement-loop = loop about { $at } ({ $zone })
sweep-placement-measured = Measured with the detection listening to them, by runs of their own:
sweep-network = network
sweep-network-noticed = noticed
sweep-network-half = half of all within
sweep-network-most = 90 % within
sweep-network-false-alarms = false alarms
sweep-network-as-it-is = as it is
sweep-network-with-stations = with { $count } more
sweep-network-with-robot = with one robot more instead
