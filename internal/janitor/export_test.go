package janitor

// IsBelow is isBelow.
var IsBelow = isBelow
