package stage

// Integers as bytes: encoding/binary needs package reflect, which must not be
// initialised before the stage (docs/adr/0018).

// appendUvarint appends v in groups of seven bits, the lowest first; all bytes
// but the last have their top bit set.
func appendUvarint(buf []byte, v uint64) []byte {
	for ; v >= 0x80; v >>= 7 {
		buf = append(buf, byte(v)|0x80)
	}
	return append(buf, byte(v))
}

// uvarint reads what appendUvarint wrote. n is how many bytes it took: 0 where
// buf ends too early, or the number has more than 64 bits.
func uvarint(buf []byte) (v uint64, n int) {
	for i, c := range buf {
		if shift := 7 * i; shift < 63 || (shift == 63 && c <= 1) {
			v |= uint64(c&0x7f) << shift
		} else {
			return 0, 0
		}
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// zigzag makes small numbers of both signs small ones: 0, -1, 1, -2 are 0 to 3.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// little reads an integer of up to 8 bytes, the lowest byte first.
func little(buf []byte) (v uint64) {
	for i, c := range buf {
		v |= uint64(c) << (8 * i)
	}
	return v
}
