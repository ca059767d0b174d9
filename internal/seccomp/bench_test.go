package seccomp

import "testing"

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		f, err := compileDefault(Options{Caps: readyCaps})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(f)/8), "insns")
	}
}
