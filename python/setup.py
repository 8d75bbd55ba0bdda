"""The wheel has the library in it: it is for one platform and any Python."""

import pathlib
import re

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.dist import Distribution

header = pathlib.Path(__file__).parent / "qaqvk" / "qaqvk.h"


class PlatformDistribution(Distribution):
    def has_ext_modules(self):
        return True


class PlatformWheel(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(
    version=re.search(r'#define QAQVK_VERSION "(.*)"', header.read_text())[1],
    distclass=PlatformDistribution,
    cmdclass={"bdist_wheel": PlatformWheel},
)
