package eval

import "math"

// Result is that of a run.
type Result struct {
	Model   string `json:"model"` // file name
	Device  string `json:"device"`
	Driver  string `json:"driver"`
	Text    string `json:"text"` // file name, "" without a text
	Context int    `json:"context"`
	Tokens  int    `json:"tokens"` // of the text that were read
	Window  int    `json:"window"`
	Shots   int    `json:"shots"`  // solved tasks that each question follows
	Mode    string `json:"mode"`   // reading, or question: tasks quantized after the question
	Attend  string `json:"attend"` // host or device
	Rows    []Row  `json:"rows"`
}

// Row is what a method gave; what was not measured is null.
type Row struct {
	Method     string           `json:"method"`
	BPE        *float64         `json:"bpe"`         // bits an element outside of the window, every header counted
	StoreRatio *float64         `json:"store_ratio"` // bpe over 16
	LiveRatio  *float64         `json:"live_ratio"`  // bytes of everything at the end of the text over those of f16
	PaperRatio *float64         `json:"paper_ratio"` // the same with the paper's accounting: codes and outlier values alone
	PPL        *float64         `json:"ppl"`
	PPLRatio   *float64         `json:"ppl_ratio"`    // over that of f16
	PPLRatioCI *[2]float64      `json:"ppl_ratio_ci"` // 95 % confidence interval, paired
	KLD        *float64         `json:"kld"`          // mean KL(f16 ‖ method), nats
	KLDCI      *float64         `json:"kld_ci"`       // half the width of its 95 % confidence interval
	KLD99      *float64         `json:"kld99"`        // 99th percentile
	Top1       *float64         `json:"top1"`         // share of tokens with f16's most probable one
	Top1CI     *float64         `json:"top1_ci"`
	Seconds    float64          `json:"seconds"` // of the model with the method's cache
	Tasks      map[string]Tally `json:"tasks"`
}

// size fills in what a size says.
func (r *Row) size(s Size) {
	if s.Elements > 0 {
		r.BPE, r.StoreRatio = ptr(8*s.Stored/float64(s.Elements)), ptr(s.Stored/float64(s.Elements)/2)
	}
	if s.F16 > 0 {
		r.LiveRatio, r.PaperRatio = ptr(s.Live/float64(s.F16)), ptr(s.Paper/float64(s.F16))
	}
}

// text fills in what the passages of a method say, beside those of f16.
func (r *Row) text(method, reference []Passage) {
	var nll, plain, kld, same, delta []float64
	var size Size
	for i, p := range method {
		nll, kld = append(nll, doubles(p.NLL)...), append(kld, doubles(p.KLD)...)
		plain = append(plain, doubles(reference[i].NLL)...)
		for _, s := range p.Same {
			same = append(same, one(s))
		}
		size.add(p.Size)
		r.Seconds += p.Seconds
	}
	for i, x := range nll {
		delta = append(delta, x-plain[i])
	}
	d, half := mean(delta), halfWidth(blocks(delta))
	r.PPL, r.PPLRatio = ptr(math.Exp(mean(nll))), ptr(math.Exp(d))
	r.PPLRatioCI = &[2]float64{math.Exp(d - half), math.Exp(d + half)}
	r.KLD, r.KLDCI = ptr(mean(kld)), ptr(halfWidth(blocks(kld)))
	r.Top1, r.Top1CI = ptr(mean(same)), ptr(halfWidth(blocks(same)))
	r.KLD99 = ptr(quantile(kld, 0.99))
	r.size(size)
}

func ptr(x float64) *float64 { return &x }
