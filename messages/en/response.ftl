# Incidents, their report, robots' missions, and mail.

incident-title = { $kind ->
    [fire] Suspected fire
    [industrial] Suspected gas release
    [dust] Local dust
   *[other] { $kind }
}
incident-summary = { $place }: { incident-title }, seen by { $number ->
    [one] 1 device
   *[many] { $devices } devices
}

# Values: what is not known stands for itself.
incident-state = { $key ->
    [false-alarm] false alarm
   *[other] { $value }
}
incident-class = { $key ->
    [industrial] gas release
    [dust] local dust
    [regional] regional transport
   *[other] { $value }
}
severity = { $value }
journal-action = { $key ->
    [assign] assigned it
    [acknowledge] acknowledged it
    [confirm] confirmed it
    [false-alarm] called it a false alarm
    [close] closed it
   *[other] { $value }
}
mission-outcome = { $value }

report-title = Incident report
report-state = State
report-severity = Severity
report-class = Class
report-zone = Zone
report-opened = Opened
report-closed = Closed
report-source = Probable source
report-radius = half of the probability within
report-rate = Emission rate (5, 50, 95 %)
report-unsure = not sure yet
report-untraced = not traced yet
report-says-nothing = The map says nothing yet: the source may be nearly anywhere on it
report-regions = Dark: the area that holds half of the probability; light: nine tenths
report-unexplained = One source does not explain what { $devices } measured: there may be a second one
report-elsewhere = Elsewhere
report-downwind = Zones downwind within the next hour
report-none = none
report-probability = Probability
report-after = Arrives (10–90 %)
report-adds = Adds at most
report-robots = Robots sent
report-stops = { $number ->
    [one] 1 stop
   *[many] { $count } stops
}
report-alerts = Alerts
report-journal = Journal
report-ongoing = going on
report-minutes = { $minutes } min
report-made = Made

notification-event = { $key ->
    [repeated] still lasts
    [test] test
   *[other] { $value }
}
