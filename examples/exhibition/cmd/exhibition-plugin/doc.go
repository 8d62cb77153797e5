// Command exhibition-plugin runs the exhibition extension as a plugin process. A host starts it; started by hand it
// says so and exits.
package main
