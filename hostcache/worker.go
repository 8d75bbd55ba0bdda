package hostcache

// work stores published slots until the queue is closed and empty.
func (h *Cache) work() {
	for j := range h.queue {
		h.store(j)
	}
	close(h.ended)
}

// store copies a slot's rows into their blocks. The copies need no lock:
// blocks with pending rows stay, and nobody else touches a pending row.
func (h *Cache) store(j job) {
	from := j.slot.Bytes
	for _, r := range j.ranges {
		for i, to := range h.pendingRows(r) {
			copy(to, from[i*h.config.RowBytes:])
		}
		from = from[r.rows()*h.config.RowBytes:]
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range j.ranges {
		for i := range r.rows() {
			k := r.key(i)
			v := h.find(k)
			v.pending &^= k.bit()
			v.stored |= k.bit()
		}
		h.sequences[r.Sequence].pending -= r.rows()
		h.stats.Pending -= r.rows()
		h.stats.Rows += r.rows()
	}
	h.free <- j.slot // never blocks: it has room for every slot
	h.changed.Broadcast()
}

// pendingRows returns the memory of a range's rows.
func (h *Cache) pendingRows(r Range) [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	rows := make([][]byte, r.rows())
	for i := range rows {
		k := r.key(i)
		rows[i] = h.row(h.find(k), k)
	}
	return rows
}
