package conformance

import "github.com/qaqvk/qaqvk/shaders"

// codes are the slots of encode_calibrated.
type codes struct {
	base   int // words before the first slot
	buffer int
	of     []uint32 // after encode_calibrated by the reference
}

// buildEncodeCalibrated encodes all pages' tokens.
func buildEncodeCalibrated(c Case) (*program, error) {
	p := &program{}
	c.addEncodeCalibrated(p, c.rowsOf(), c.tablesOf(shaders.Key))
	return p, nil
}

// addEncodeCalibrated adds the encoding of rows to a program.
func (c Case) addEncodeCalibrated(p *program, rows source, t *shaders.Tables) codes {
	params := c.Params
	jobs, rotations := make([]shaders.RecordEncodeJob, params.Pages), [][]float32(nil)
	for j := range jobs {
		jobs[j].At = uint32(rows.first[j])
		rotations = append(rotations, params.rotation(j))
	}
	n := params.total()
	s := codes{base: oddMultiple(n * params.Rows)}
	push := shaders.EncodeCalibratedPush{Tokens: uint32(params.Groups), TokenStride: uint32(rows.stride), SlotBase: uint32(s.base),
		Rotary: uint32(params.Calibrated.Rotary), Interleaved: params.Calibrated.interleaved()}
	in, planned := p.input("rows", rows.words), p.input("plan", shaders.EncodeRecordsPlan(jobs, rotations))
	s.buffer = p.result("slots", s.base+n*t.CodeWords())
	spec := params.spec(shaders.EncodeCalibrated, 0)
	pipeline := shaders.Pipeline{Kernel: shaders.EncodeCalibrated, Spec: shaders.ParseSpec(spec)}
	p.run(shaders.EncodeCalibrated, spec, push.Bytes(), int(shaders.EncodeRecordsWorkgroups(pipeline, params.Pages, params.Groups)),
		in, planned, s.buffer, p.input("tables", t.Words()))
	return s
}

// codesByReference encodes rows with cpuref.
func (c Case) codesByReference(rows source, t *shaders.Tables) (codes, error) {
	p := &program{}
	s := c.addEncodeCalibrated(p, rows, t)
	words, err := p.reference()
	if err == nil {
		s.of = words[s.buffer]
	}
	return s, err
}

// levelsOf are the levels of each page's tokens: those that the case asks for, and
// Unquantizable where a row could not be encoded.
func (c Case) levelsOf(s codes, levelOf func(n int) uint8) [][]uint8 {
	all := make([]uint8, c.Params.total())
	for n := range all {
		all[n] = levelOf(n)
		for _, status := range s.of[n*c.Params.Rows : (n+1)*c.Params.Rows] {
			if status != 0 {
				all[n] = shaders.Unquantizable
			}
		}
	}
	return byPage(all, c.Params.Pages)
}
