package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

func (d *Dispatch) check(l Limits) error {
	k := d.Kernel
	switch {
	case k == nil:
		return errors.New("no kernel")
	case len(d.Spec) != len(k.Constants):
		return fmt.Errorf("%d constants given, the kernel has %d", len(d.Spec), len(k.Constants))
	case uint32(len(d.Push)) != k.PushSize:
		return fmt.Errorf("%d push bytes given, the kernel has %d", len(d.Push), k.PushSize)
	case k.PushSize > l.PushBytes:
		return fmt.Errorf("%d push bytes, limit %d", k.PushSize, l.PushBytes)
	case uint32(len(k.Bindings)) > l.Bindings:
		return fmt.Errorf("%d storage buffers, limit %d", len(k.Bindings), l.Bindings)
	case len(d.Views) != len(k.Bindings):
		return fmt.Errorf("%d views given, the kernel has %d bindings", len(d.Views), len(k.Bindings))
	case d.Workgroups == 0 || d.Workgroups > l.Workgroups:
		return fmt.Errorf("%d workgroups, limit 1..%d", d.Workgroups, l.Workgroups)
	}
	for i, c := range k.Constants {
		if c.Name == "WORKGROUP" && (d.Spec[i] == 0 || d.Spec[i] > l.Invocations) {
			return fmt.Errorf("workgroup of %d invocations, limit 1..%d", d.Spec[i], l.Invocations)
		}
	}
	return d.checkViews(l)
}

func (d *Dispatch) checkViews(l Limits) error {
	for i, v := range d.Views {
		name := lowerFirst(d.Kernel.Bindings[i].Name)
		if err := v.Check(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if v.Words > l.ViewWords {
			return fmt.Errorf("%s: view %s of %d words, limit %d", name, v, v.Words, l.ViewWords)
		}
		if v.Offset%l.ViewAlign != 0 {
			return fmt.Errorf("%s: view %s is not aligned to %d words", name, v, l.ViewAlign)
		}
	}
	return nil
}

func (v View) Check() error {
	if v.Buffer == nil {
		return errors.New("no buffer")
	}
	if v.Offset < 0 || v.Words <= 0 || v.Offset > v.Buffer.Len()-v.Words {
		return fmt.Errorf("view %s of a buffer of %d words", v, v.Buffer.Len())
	}
	return nil
}

func (c *Copy) check(Limits) error {
	if c.Src == nil || c.Dst == nil {
		return errors.New("no buffer")
	}
	if len(c.Regions) == 0 {
		return errors.New("no regions")
	}
	for _, r := range c.Regions {
		if err := (View{c.Src, r.Src, r.Words}).Check(); err != nil {
			return fmt.Errorf("source: %w", err)
		}
		if err := (View{c.Dst, r.Dst, r.Words}).Check(); err != nil {
			return fmt.Errorf("target: %w", err)
		}
		if c.Src == c.Dst && c.overwrites(r) {
			return fmt.Errorf("region %d->%d of %d words is overwritten by the same copy", r.Src, r.Dst, r.Words)
		}
	}
	return nil
}

// overwrites tells whether a region's source is the target of any region.
func (c *Copy) overwrites(r Region) bool {
	for _, o := range c.Regions {
		if r.Src < o.Dst+o.Words && o.Dst < r.Src+r.Words {
			return true
		}
	}
	return false
}

func (f *Fill) check(Limits) error { return View{f.Buffer, f.Offset, f.Words}.Check() }

func (b *Barrier) check(Limits) error {
	for _, s := range []Stage{b.From, b.To} {
		if s == 0 || s&^AllCommands != 0 {
			return fmt.Errorf("unknown %s", s)
		}
	}
	return nil
}

func (m *Mark) check(Limits) error { return nil }

func (d *Dispatch) writes() []View {
	var views []View
	for i, b := range d.Kernel.Bindings {
		if !b.ReadOnly {
			views = append(views, d.Views[i])
		}
	}
	return views
}

func (c *Copy) writes() []View {
	views := make([]View, len(c.Regions))
	for i, r := range c.Regions {
		views[i] = View{c.Dst, r.Dst, r.Words}
	}
	return views
}

func (f *Fill) writes() []View    { return []View{{f.Buffer, f.Offset, f.Words}} }
func (b *Barrier) writes() []View { return nil }
func (m *Mark) writes() []View    { return nil }

func (d *Dispatch) specString() string {
	parts := make([]string, len(d.Spec))
	for i, c := range d.Kernel.Constants {
		parts[i] = fmt.Sprintf("%s=%d", strings.ToLower(c.Name), d.Spec[i])
	}
	return strings.Join(parts, " ")
}

func (d *Dispatch) pushString() string {
	parts := make([]string, len(d.Kernel.Push))
	for i, f := range d.Kernel.Push {
		word := binary.LittleEndian.Uint32(d.Push[f.Offset:])
		parts[i] = fmt.Sprintf("%s=%d", lowerFirst(f.Name), word)
		if f.Float {
			parts[i] = fmt.Sprintf("%s=%g", lowerFirst(f.Name), math.Float32frombits(word))
		}
	}
	return strings.Join(parts, " ")
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
