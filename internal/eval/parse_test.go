package eval

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/session"
)

func TestParse(t *testing.T) {
	list := methods(t, "f16, q4_0-hadamard,qaq:key-error=0.005,value-error=0.002,alpha=0.01,uniform-4-o1,h2o:256,scissorhands:64,n=3,qaq-authors,level=layer")
	var names []string
	for _, m := range list {
		names = append(names, m.Name())
	}
	require.Equal(t, []string{"f16", "q4_0-hadamard", "qaq:key-error=0.005,value-error=0.002,alpha=0.01", "uniform-4-o1", "h2o:256", "scissorhands:64,n=3", "qaq-authors:level=layer"}, names)
	require.Equal(t, 0.01, list[3].(*paged).alpha)
	require.Equal(t, 3, list[5].(*paged).queries)
}

func TestParseTellsWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"", `eval: method "": known are f16, kivi-2, kivi-3, q4_0, q4_0-hadamard, q4_0-hadamard-mean, q8_0, turbo-2, turbo-3, turbo-4, uniform-B, uniform-B-oP, qaq, qaq-authors, calibrated, calibrated:B, h2o:N, scissorhands:N, h2o:share=S`},
		{"q4_0,q4_0", `eval: method "q4_0": given twice`},
		{"uniform-9", `eval: method "uniform-9": must be uniform-B or uniform-B-oP with B bits, 0 to 8, and P percent outliers, 0 to 10`},
		{"uniform-4-o11", `eval: method "uniform-4-o11": must be uniform-B or uniform-B-oP with B bits, 0 to 8, and P percent outliers, 0 to 10`},
		{"h2o", `eval: method "h2o": a number is missing behind the colon, 1 to 16777216`},
		{"h2o:0", `eval: method "h2o:0": 0: must be a whole number, 1 to 16777216`},
		{"h2o:64,share=0.5", `eval: method "h2o:64,share=0.5": a number of tokens and a share: give one`},
		{"scissorhands:share=2", `eval: method "scissorhands:share=2": share 2: must be 0 to 1`},
		{"qaq:key-error=0", `eval: method "qaq:key-error=0": key-error 0: must be above 0, at most 1e+06`},
		{"qaq:alpha=nan", `eval: method "qaq:alpha=nan": alpha nan: must be 0 to 0.1`},
		{"qaq:beta=1", `eval: method "qaq:beta=1": parameter "beta": known are [alpha n window level key-error value-error min-bits max-bits blind]`},
		{"q8_0:alpha=1", `eval: method "q8_0:alpha=1": parameter "alpha": known are []`},
		{"qaq:n=1,n=2", `eval: method "qaq:n=1,n=2": parameter "n=2": given twice, or empty`},
		{"qaqs", `eval: method "qaqs": known are f16,`},
	} {
		_, err := Parse(c.list)
		require.ErrorIs(t, err, ErrMethod, c.list)
		require.ErrorContains(t, err, c.want)
	}
}

func TestCalibratedNeedsAProfile(t *testing.T) {
	b := tiny(t)
	_, err := methods(t, "calibrated")[0].Open(t.Context(), b, 100)
	require.ErrorIs(t, err, session.ErrNoProfile)
	b.Profile = "absent"
	_, err = methods(t, "calibrated:2")[0].Open(t.Context(), b, 100)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A share of the text is so many of its tokens.
func TestShareOfTheText(t *testing.T) {
	for name, budget := range map[string]int{"h2o:share=0.25": 25, "h2o:7": 7, "h2o:share=0.001": 1} {
		p, err := methods(t, name)[0].(*paged).policy(t.Context(), nil, 100)
		require.NoError(t, err)
		require.Equal(t, policy.H2O{Budget: budget}, p, name)
	}
}
