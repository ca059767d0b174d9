package janitor

// What the tests of rules use.
var (
	Told    = told
	IsBelow = isBelow
)
