#include "svs_ipvs.h"
