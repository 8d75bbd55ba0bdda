package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildDecodeCalibrated decodes pages that the reference made.
func buildDecodeCalibrated(c Case) (*program, error) {
	t := c.tablesOf(shaders.Key)
	from, err := c.recordsByReference(c.rowsOf(), t)
	if err != nil {
		return nil, err
	}
	p, params := &program{}, c.Params
	row := shaders.Layout{Type: typeOf(params.Out), HeadDim: params.HeadDim}.RawRowWords()
	stride := params.Rows*row + rowPad
	page := params.Groups*stride + rowPad
	jobs, rotations := make([]shaders.RecordDecodeJob, params.Pages), [][]float32(nil)
	for j := range jobs {
		jobs[j] = shaders.RecordDecodeJob{Page: uint32(from.at[j]), Rows: uint32(j*page + rowPad)}
		rotations = append(rotations, params.rotation(j))
	}
	push := shaders.DecodeCalibratedPush{Tokens: uint32(params.Groups), TokenStride: uint32(stride),
		Rotary: uint32(params.Calibrated.Rotary), Interleaved: params.Calibrated.interleaved()}
	in, planned, tables := p.input("pages", from.of), p.input("plan", shaders.DecodeRecordsPlan(jobs, rotations)), p.input("tables", t.Words())
	spec := params.spec(shaders.DecodeCalibrated, 0)
	pipeline := shaders.Pipeline{Kernel: shaders.DecodeCalibrated, Spec: shaders.ParseSpec(spec)}
	p.run(shaders.DecodeCalibrated, spec, push.Bytes(), int(shaders.DecodeRecordsWorkgroups(pipeline, params.Pages, params.Groups)),
		in, planned, tables, p.result("rows", params.Pages*page))
	return p, nil
}
