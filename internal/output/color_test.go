package output

import "math"

// luminance is the relative luminance (WCAG 2.1) of a colour of xterm's 6x6x6
// cube, numbers 16 to 231.
func luminance(color int) float64 {
	steps := [6]float64{0, 95, 135, 175, 215, 255}
	n := color - 16
	sum := 0.0
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := steps[n/[3]int{36, 6, 1}[i]%6] / 255
		if v <= 0.03928 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
