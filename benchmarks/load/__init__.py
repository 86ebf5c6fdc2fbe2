"""Clients of `medsegdiff serve`, the good and the bad, and the server that they are set upon.

server.py    the server on this machine, and its memory
wire.py      plain HTTP by hand, for what no decent client would send
slow.py      uploads, headers and readers that drip
hostile.py   bombs, wrong types, endless bodies, path tricks, lies about lengths
burden.py    the process of the slow and hostile ones, which waits for everybody else's work
healthy.py   people who look at pages, and people who send images
control.py   a server that does nothing, to tell the machine's part of every wait
table.py     what came out, as Markdown
"""
