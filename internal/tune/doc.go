// Package tune finds the parameters of a model's profile for a target: KL divergence
// against the uncompressed cache, or bytes. What a setting costs is measured by a
// function of the caller, so that nothing here needs a model.
//
// Run goes in three steps. It solves the slope for the target with the other parameters
// as they are: a secant search, log slope against the log of what is wanted. Then it
// looks for better parameters of importance. Each of them moves both divergence and
// bits, which the slope exchanges for each other; the points of the first step say at
// what rate, so that one measurement tells whether a setting is better:
//
//	objective = ln KLD + rate · total bits
//
// total bits being those of a text of four contexts, the recent window with 16 bits an
// element among them: caches are for long texts, and what a window does to divergence
// hardly goes with the length, but what it takes of the bytes does. Nelder-Mead (gonum) searches over the logarithms. At
// last the slope is solved again, with the best that was found.
//
// Nothing but the moment at which the search stops depends on the clock: two runs of as
// many measurements give the same numbers.
package tune
