# What the law asks of those who show values of low-cost instruments (간이측정기).
grade-1 = certified, grade 1
outside-grade-1 = certified, outside grade 1
grade-none = no certified grade
# $grade: the grade of one instrument.
instrument = low-cost instrument ({ $grade }), reference only
# Put behind whatever is said of the air in a line, such as in an alert.
reference-only = low-cost instrument, reference only
# $grades: the grades of all instruments, separated by semicolons.
legal-note = Low-cost instruments ({ $grades }): for reference only, not official values of the national network.
# The same where the grades are not known.
legal-note-plain = Low-cost instruments: for reference only, not official values of the national network.
