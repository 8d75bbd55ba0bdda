package tune

import "time"

// limit says how many measurements there may still be.
type limit struct {
	most    int           // measurements; 0: any number
	within  time.Duration // of the clock
	now     func() time.Time
	began   time.Time
	slowest time.Duration
	done    int
}

func newLimit(o Options) *limit {
	l := &limit{most: o.Measurements, within: o.Time, now: o.Now}
	if l.now == nil {
		l.now = time.Now
	}
	l.began = l.now()
	return l
}

// count notes a measurement that began then.
func (l *limit) count(began time.Time) {
	l.done++
	l.slowest = max(l.slowest, l.now().Sub(began))
}

// allows tells whether one more measurement fits, as slow as the slowest so far.
func (l *limit) allows() bool {
	return (l.most == 0 || l.done < l.most) && l.now().Sub(l.began)+l.slowest <= l.within
}
