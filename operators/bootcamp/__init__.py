"""Import of a table of the bootcamp's Cruddur (week 5).

The source is read twice: once for the members of each message group (`survey`), then conversation by conversation
(`carry_out`), so that only a few conversations are in memory. The source and the messages sent here determine each
conversation completely. The import writes the difference to the stored items: a second run writes nothing, and the next
run finishes an interrupted one. Notes and counts contain ids, never a text or a name.
"""
