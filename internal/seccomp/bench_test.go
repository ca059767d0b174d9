package seccomp

import "testing"

// caps is container.DefaultCaps.
const caps = 0x800405fb

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		f, err := compileDefault(Options{Caps: caps})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(f)/8), "insns")
	}
}
