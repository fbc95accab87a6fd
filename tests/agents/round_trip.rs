//! Arguments arrive unchanged: random and nasty argument lists through a real shell, NRPE, Nagios Core and Icinga 2.
