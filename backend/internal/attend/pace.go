package attend

// firstPace is the ns that a query vector of a KV head that sees a token is taken to
// last for each element of a row until work was timed: as on two cores of a
// processor, the slowest there is.
const firstPace = 2.5

// fit makes a batch of queries and KV heads, whose query vectors see stride tokens,
// one that the pace allows, as far as a query of a KV head is: fewer heads first,
// because fewer queries have pages read more often.
func (a *Attention) fit(queries, heads, stride int) (int, int) {
	most := max(1, a.pace.Budget()/(a.work.QueriesPerHead()*stride)) // queries of KV heads
	heads = max(1, min(heads, most/queries))
	return min(queries, most), heads
}

// split marks where submissions end: each has as many batches in a row as the
// budget allows.
func (r *call) split() {
	units := 0
	for i := range r.batches {
		n := r.unitsOf(r.batches[i])
		if i > 0 && units > r.pace.Budget()-n {
			r.endSubmission(i-1, units)
			units = 0
		}
		units += n
	}
	r.endSubmission(len(r.batches)-1, units)
}

// endSubmission marks a batch as the last of a submission of so many units.
func (r *call) endSubmission(i, units int) {
	r.batches[i].last, r.batches[i].timed = true, r.pace.Tells(units)
}

// unitsOf is the work of a batch: query vectors of KV heads, for each token that
// they see. It does not change within its stride.
func (r *call) unitsOf(b batch) int {
	return b.queries * r.work.QueriesPerHead() * b.heads * b.stride
}

func (r *call) unitsOfAll(batches []batch) (units int) {
	for _, b := range batches {
		units += r.unitsOf(b)
	}
	return units
}
