// Command rapport looks after a CRM from a terminal: it migrates and examines the database, imports CSV files, and
// shows records.
//
//	rapport migrate                                     # makes crm.db in the working folder
//	rapport import people.csv --mapping people.json
//	rapport list customer --where 'country == c' --arg c=DE --sort name --reveal
//	rapport doctor --db postgres://localhost/shop --keys /etc/shop/crm.keys
//
// It ends with 0 when all went well, 1 when something failed or a row was refused, and 2 when it was called wrongly.
//
// Start with "rapport help".
package main
