"""Bringing a table of the bootcamp's Cruddur (week 5) into this model.

The source is read twice: once for the members of each message group (`survey`), then conversation by conversation
(`carry_out`), so that only a few conversations are in memory. What a conversation must be follows from the source and
from what was sent here, and nothing else. It is compared with what is stored here, and the difference is written: a
second run writes nothing, and an interrupted one is finished by the next. Notes and counts hold ids, never a text or a
name.
"""
