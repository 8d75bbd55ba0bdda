package backend

import (
	"context"
	"errors"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Rehearse has a device make the pipelines that the first steps of a cache of this
// configuration use: attention of many queries and of one to the recent window, what stores
// pages, then attention to pages as well. It takes these steps in
// a cache whose lists run nothing and which takes no memory of the device, so that it needs
// no list of them. Where a driver compiles for seconds, a goroutine that rehearses while a
// model is loaded, or the cache begins, takes that time out of its steps.
//
// The errors are those of New, Append, Attend and Step, and that of a cancelled context, which ends
// it after the call that it is in.
func Rehearse(ctx context.Context, d device.Device, c Config) (err error) {
	if d == nil {
		_, err := New(d, c)
		return err
	}
	c.Sequences, c.Reserve, c.HostBudget, c.BytesBudget, c.LayerWindows, c.Trace = 1, 0, 0, 0, nil, nil
	c = c.withDefaults()
	tokens := c.Recent + 2*c.PageTokens // a page is stored
	c.MaxStepTokens, c.Capacity = tokens, tokens+c.PageTokens
	idle, err := device.Rehearsal(d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, idle.Close()) }()
	cache, err := New(idle, c)
	if err != nil {
		return err
	}
	defer cache.Close()
	s, err := cache.NewSequence()
	if err != nil {
		return err
	}
	return s.rehearse(ctx, tokens)
}

// rehearse takes a step of so many tokens and begins one of a token.
func (s *Sequence) rehearse(ctx context.Context, tokens int) error {
	many := min(tokens, s.c.attention.Limit())
	if err := s.rehearseLayers(ctx, s.c.cfg.Layers, tokens, many, 1); err != nil {
		return err
	}
	if err := s.Step(ctx); err != nil {
		return err
	}
	return s.rehearseLayers(ctx, 1, 1, many, 1)
}

// rehearseLayers appends tokens to the first layers and attends to the first one, with
// so many queries a call.
func (s *Sequence) rehearseLayers(ctx context.Context, layers, tokens int, queries ...int) error {
	cfg := s.c.cfg
	rows := RowsF32(make([]float32, tokens*cfg.KVHeads*cfg.HeadDim))
	for layer := range layers {
		if err := s.Append(layer, rows, rows); err != nil {
			return err
		}
	}
	if cfg.QueryHeads == 0 {
		return nil
	}
	for _, n := range queries {
		q := RowsF32(make([]float32, n*cfg.QueryHeads*cfg.HeadDim))
		if err := s.Attend(ctx, 0, q, q, AttendOptions{}); err != nil {
			return err
		}
	}
	return nil
}
