// Package personal has the words of personal data: classes, purposes, channels, and [Text], a string that never
// prints itself.
//
//	fmt.Println(ada)                                  // {… Given:[name] …}: classes, not values
//	json.NewEncoder(w).Encode(ada)                    // the same
//	json.NewEncoder(w).Encode(personal.Revealed(ada)) // values, on purpose; masked ones stay masked
//
// A [Text] holds a pointer to a cell. The cell is clear, sealed (opened when revealed), masked or absent.
// Whoever prints, logs or encodes a record by accident shows the class only.
//
// Start with [Text] and [Revealed].
package personal
