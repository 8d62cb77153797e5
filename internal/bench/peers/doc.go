// Command peers runs the statements of the CRM's operations the way a good engineer would write them by hand, so that
// the bench has something to compare with.
//
// It is a child process of the bench and speaks JSON, one line a message, on standard input and output: the parent
// opens a database, gives scripts (statements with their arguments) and grants turns. What is written is one plain
// statement for each row, begin and commit apart, whatever the CRM sends. The peers are:
//
//   - pgx: the statements one by one on one native pgx connection, prepared by its statement cache; through a proxy
//     that lengthens each round trip, too;
//   - pgx-pipeline: the statements of one operation in one batch, so that the network is crossed once;
//   - sql: database/sql over modernc's SQLite with prepared statements, one connection;
//   - copy: COPY of the rows of a tenant into every table it has rows in;
//   - rows: on SQLite the same by prepared inserts of many rows.
//
// A peer reads every column of every row, checks that there are as many rows as the CRM read or wrote, and does nothing
// else: no rights, no masks, no sealing, no rules. It shares no code with what it is compared to.
//
// Start with [server].
package main
