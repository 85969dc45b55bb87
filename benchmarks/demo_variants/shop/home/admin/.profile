PATH=/usr/bin:/bin
umask 022
