package reference

import (
	"encoding/json"
	"fmt"
	"slices"
)

// parseParameters reads the metadata of a vector, one JSON value a key.
func parseParameters(metadata map[string]string) (Parameters, error) {
	var p Parameters
	values := map[string]any{
		"key_or_value_cache": &p.Side, "level": &p.Level, "method": &p.Method,
		"outliers_ratio": &p.Alpha, "average_n_bits": &p.AverageBits, "use_attentions": &p.UseAttentions,
	}
	if err := readValues(metadata, values); err != nil {
		return p, err
	}
	values = map[string]any{"n_bits_uniform": &p.FixedBits}
	if p.UseAttentions {
		values = map[string]any{
			"last_n_attentions": &p.Window, "target_quantization_error": &p.Error,
			"n_bits_min": &p.MinBits, "n_bits_max": &p.MaxBits,
		}
	}
	if p.UseAttentions && p.Side == "key" {
		values["q_norm"] = &p.QueryNorm
	}
	if err := readValues(metadata, values); err != nil {
		return p, err
	}
	return p, p.check()
}

// readValues decodes the named values.
func readValues(metadata map[string]string, values map[string]any) error {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // so that the same file gives the same error
	for _, name := range names {
		text, ok := metadata[name]
		if !ok {
			return fmt.Errorf("%s: no such parameter", name)
		}
		if err := json.Unmarshal([]byte(text), values[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// check refuses what the kernels cannot run.
func (p Parameters) check() error {
	switch {
	case p.Side != "key" && p.Side != "value":
		return fmt.Errorf("key_or_value_cache: %q, must be key or value", p.Side)
	case p.Level != "head" && p.Level != "layer" && p.Level != "token":
		return fmt.Errorf("level: %q, must be head, layer or token", p.Level)
	case p.Method != "uniform" && p.Method != "normal":
		return fmt.Errorf("method: %q, must be uniform or normal", p.Method)
	case p.Alpha < 0 || p.Alpha > 0.1:
		return fmt.Errorf("outliers_ratio: %g, limit 0..0.1", p.Alpha)
	case !p.UseAttentions && (p.FixedBits < 0 || p.FixedBits > 8):
		return fmt.Errorf("n_bits_uniform: %d, limit 0..8", p.FixedBits)
	case !p.UseAttentions:
		return nil
	case p.Window < 1:
		return fmt.Errorf("last_n_attentions: %d, at least 1", p.Window)
	case p.Error < 0:
		return fmt.Errorf("target_quantization_error: %g, at least 0", p.Error)
	case p.MinBits < 0 || p.MaxBits > 8 || p.MinBits > p.MaxBits:
		return fmt.Errorf("n_bits_min, n_bits_max: %d, %d, must be 0 <= min <= max <= 8", p.MinBits, p.MaxBits)
	case p.Side == "key" && p.QueryNorm <= 0:
		return fmt.Errorf("q_norm: %g, must be more than 0", p.QueryNorm)
	}
	return nil
}
